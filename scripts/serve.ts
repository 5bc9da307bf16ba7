import { once } from 'node:events';
import { Command } from 'commander';
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { type Config, readConfig } from '../src/config.js';
import { DecoderPool } from '../src/image/decoder-pool.js';
import { limitsOf } from '../src/image/limits.js';
import type { Searcher } from '../src/search/searcher.js';
import { reportOf } from '../src/service/errors.js';
import { startServer } from '../src/service/server.js';
import { Service, type ServiceOptions } from '../src/service/service.js';
import { interruption } from './cli.js';
import { addSettings } from './config.js';
import { openServed } from './open-index.js';
import { openSearcherOver } from './open-searcher.js';

/**
 * Serves until Ctrl-C or SIGTERM, then answers what has been asked and closes; SIGHUP takes up what has changed.
 * @returns what was in use last, still open
 */
export async function serve(
  searcher: Searcher,
  config: Config,
  options: Omit<ServiceOptions, 'config' | 'log'> = {},
): Promise<Searcher> {
  setFlagsFromString(heapGrowth);
  const signal = interruption({ hangup: false });
  await searcher.warmUp(signal);
  const images = await searcher.index.count();
  const service = new Service(searcher, { config, ...options });
  const server = await startServer(service);
  void service.thumbnails.sweep(); // pictures may have gone since it ran last
  const reload = () => {
    service
      .reload()
      .then(async ({ index, encoder }) => {
        service.log.info({ images: await index.count(), model: encoder.fingerprint }, 'reloaded');
        await service.thumbnails.sweep();
      })
      .catch((error: unknown) =>
        service.log.error({ error: reportOf(error) }, 'reloading failed; model and index go on as they were'),
      );
  };
  process.on('SIGHUP', reload);
  if (hasHungUp) reload();
  process.stdout.write(`${server.url}  ${images} pictures, ${searcher.encoder.engine}\n`);
  if (!signal.aborted) await once(signal, 'abort');
  process.off('SIGHUP', reload);
  await server.stop();
  await service.settled();
  return service.searcher;
}

/** Did SIGHUP come before the server could answer to it? Left alone, that signal ends a process; when it drains, too. */
let hasHungUp = false;
const remember = () => void (hasHungUp = true);

/**
 * Lets the heap grow to five times what lives in it. Left alone, V8 collects 30 MB every six seconds at 40 searches a second,
 * for some 30 ms and on both cores (docs/adaptive.md).
 */
const heapGrowth = '--heap-growing-percent=400';

export const serveCommand = addSettings(new Command('serve'))
  .description('serve an index over HTTP, with a web page')
  .addHelpText(
    'after',
    `
A search with a latency budget gets the most faithful operating point that fits it, under whatever load there is.

Settings come from flags, the environment (MATVIT_PORT for --port) and a file; matvit config prints them with their
origins. On another address than loopback, clients need keys: matvit keys. SIGHUP takes up new keys, and another model,
index or calibration in the same folders, without a dropped request.

Examples:
  $ matvit serve --index indexes/photos --budget 50 &
  $ curl -s --data-binary @apple.jpg 'http://127.0.0.1:7700/v1/search?k=5&budgetMs=20'
  $ curl -s --data-binary @apple.jpg 'http://127.0.0.1:7700/v1/search?k=5&at=XL@96:int8'
  $ matvit serve --index postgres://reader@db.example/photos
  $ matvit serve --index indexes/photos --writable      # pictures can be added, edited and deleted over HTTP
  $ matvit keys add shop && matvit serve --host 0.0.0.0`,
  )
  .action(async (flags: Record<string, unknown>) => {
    process.on('SIGHUP', remember);
    const { config } = readConfig({ flags, environment: process.env });
    const timeout = 1000 * config.decodeTimeout;
    const forSearches = new DecoderPool({ size: config.workers ?? availableParallelism(), timeout });
    const forOthers = new DecoderPool({ size: 1, timeout }); // searches do not wait for thumbnails
    const open = () =>
      openSearcherOver({ ...config, limits: limitsOf(config), decode: forSearches.decode }, (index, model) =>
        openServed(index, model, config.writable),
      );
    let searcher = await open();
    try {
      searcher = await serve(searcher, config, { open, decoder: forOthers });
    } finally {
      await Promise.all([searcher, forSearches, forOthers].map(part => part.close()));
    }
  });
