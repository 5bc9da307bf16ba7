import { once } from 'node:events';
import { Command } from 'commander';
import type { Engine } from '../src/encoder/engine.js';
import { type Searcher, defaultQueue } from '../src/search/searcher.js';
import { startServer } from '../src/service/server.js';
import { createService } from '../src/service/service.js';
import {
  engineOption,
  indexOption,
  interruption,
  milliseconds,
  modelOption,
  port,
  positiveInteger,
  workersOption,
} from './cli.js';
import { openSearcher } from './open-searcher.js';

interface Options {
  index: string;
  model: string;
  engine: Engine;
  workers?: number;
  host: string;
  port: number;
  budget?: number;
  queue: number;
}

/** Serves until Ctrl-C or SIGTERM, then answers what has been asked and closes. */
export async function serve(
  searcher: Searcher,
  { host, port, budget }: { host: string; port: number; budget?: number },
): Promise<void> {
  const signal = interruption();
  await searcher.warmUp(signal);
  const server = await startServer(createService(searcher, { budgetMs: budget }), { host, port });
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
  .option(
    '--budget <ms>',
    'latency budget of searches that bring none (default: none, and the full model)',
    milliseconds,
  )
  .option('--queue <n>', 'searches that may wait for the encoder', positiveInteger, defaultQueue)
  .addOption(modelOption())
  .addOption(engineOption())
  .addOption(workersOption())
  .addHelpText(
    'after',
    `
A search with a latency budget gets the most faithful operating point that fits it, under whatever load there is.

Examples:
  $ matvit serve --index indexes/photos --budget 50 &
  $ curl -s --data-binary @apple.jpg 'http://127.0.0.1:7700/v1/search?k=5&budgetMs=20'
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
