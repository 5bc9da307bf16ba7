import { Command } from 'commander';
import { type ThroughputBench, benchThroughput } from '../src/evaluation/throughput/bench-throughput.js';
import { ServeProcess } from '../src/evaluation/serve-process.js';
import { demoIndexOption, jsonOption, modelOption, positiveInteger, positiveNumber, progress } from './cli.js';
import { openSearcher } from './open-searcher.js';
import { print } from './output.js';

interface Options {
  index: string;
  model: string;
  connections: number;
  seconds: number;
  json: boolean;
}

function table({ rows, searchMs, overheadMs }: ThroughputBench): string {
  const lines = rows.map(row => {
    const times = [row.p50, row.p99, row.serverCpuMs].map(ms => ms.toFixed(2));
    return `| ${[row.connections, row.rate.toFixed(0), ...times, row.generatorCpu.toFixed(2), row.failures].join(' | ')} |`;
  });
  return `| connections | requests/s | p50, ms | p99 | server's CPU a request, ms | generator, cores | failures |
|${'---|'.repeat(7)}
${lines.join('\n')}

A search by id without the service: ${searchMs.toFixed(2)} ms; the service adds ${overheadMs.toFixed(2)} ms.`;
}

export const benchThroughputCommand = new Command('throughput')
  .description('searches by a stored picture, which need no encoding, that a real `matvit serve` answers in a second')
  .addOption(demoIndexOption())
  .option('--connections <n>', 'each with one request under way', positiveInteger, 32)
  .option('--seconds <n>', 'of each measurement', positiveNumber, 10)
  .addOption(modelOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
The generator is a process of its own on bare sockets. The server validates and logs as it does by default, into a pipe.

Example:
  $ matvit bench throughput --connections 64`,
  )
  .action(async ({ index, model, connections, seconds, json }: Options) => {
    const searcher = await openSearcher({ index, model, workers: 1 }); // first: it takes folders alone
    const start = ServeProcess.start(['--index', index, '--model', model, '--rate-limit', '0']);
    const server = await start.catch(async (error: unknown) => {
      await searcher.close();
      throw error;
    });
    const bar = progress('throughput');
    try {
      const result = await benchThroughput(server, searcher, {
        ...{ connections: [connections], ms: 1000 * seconds, onProgress: bar.update },
      });
      bar.stop();
      print(result, json, table);
    } finally {
      bar.stop();
      await searcher.close();
      await server.stop();
    }
  });
