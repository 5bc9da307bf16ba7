import { once } from 'node:events';
import { Command } from 'commander';
import type { Engine } from '../src/encoder/engine.js';
import { defaultLimits } from '../src/image/limits.js';
import type { Searcher } from '../src/search/searcher.js';
import { startServer } from '../src/service/server.js';
import { engineOption, indexOption, interruption, modelOption, port, workersOption } from './cli.js';
import { openSearcher } from './open-searcher.js';

interface Options {
  index: string;
  model: string;
  engine: Engine;
  workers?: number;
  host: string;
  port: number;
}

/** Serves until Ctrl-C or SIGTERM, then answers what has been asked and closes. */
export async function serve(searcher: Searcher, { host, port }: { host: string; port: number }): Promise<void> {
  const signal = interruption();
  const server = await startServer({ searcher, limits: defaultLimits, stopping: false }, { host, port });
  const images = searcher.index.catalogue.state().images;
  process.stdout.write(`${server.url}  ${images} pictures, ${searcher.encoder.engine}\n`);
  if (!signal.aborted) await once(signal, 'abort');
  await server.stop();
}

export const serveCommand = new Command('serve')
  .description('serve an index over HTTP, with a web page')
  .addOption(indexOption())
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <n>', 'port; 0 takes a free one', port, 7700)
  .addOption(modelOption())
  .addOption(engineOption())
  .addOption(workersOption())
  .addHelpText(
    'after',
    `
Example:
  $ matvit serve --index indexes/photos &
  $ curl -s --data-binary @apple.jpg 'http://127.0.0.1:7700/v1/search?k=5&at=S@112:int8'`,
  )
  .action(async (options: Options) => {
    const searcher = await openSearcher(options);
    try {
      await serve(searcher, options);
    } finally {
      await searcher.close();
    }
  });
