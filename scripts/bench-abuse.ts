import { Command } from 'commander';
import { type AbuseRow, benchAbuse } from '../src/evaluation/abuse/bench-abuse.js';
import { ServeProcess } from '../src/evaluation/serve-process.js';
import { demoIndexOption, jsonOption, modelOption, positiveInteger, positiveNumber, progress } from './cli.js';
import { print } from './output.js';

interface Options {
  index: string;
  model: string;
  count: number;
  pictures: number;
  seconds: number;
  side: number;
  seed: number;
  json: boolean;
}

function table(rows: readonly AbuseRow[]): string {
  const lines = rows.map(({ attack, seconds, outcomes, other, memory, survived }) => {
    const ends = Object.entries(outcomes).map(([outcome, count]) => `${outcome}: ${count}`);
    const times = [other.p50, other.p99, other.max].map(ms => ms.toFixed(0));
    return `| ${[attack, seconds.toFixed(0), ends.join(', '), other.requests, other.failures, ...times, (memory / 1e6).toFixed(0), survived ? 'yes' : 'NO'].join(' | ')} |`;
  });
  return [
    "| attack | s | how its requests ended | others' searches | of them failed | p50, ms | p99 | max | memory, MB | survived |",
    `|${'---|'.repeat(10)}`,
    ...lines,
  ].join('\n');
}

export const benchAbuseCommand = new Command('abuse')
  .description("attacks on a real `matvit serve`, and the latency of another client's searches meanwhile")
  .addOption(demoIndexOption())
  .option('--count <n>', 'connections, slow clients', positiveInteger, 1000)
  .option('--pictures <n>', 'hostile pictures', positiveInteger, 500)
  .option('--seconds <n>', 'that the connections keep asking', positiveNumber, 20)
  .option('--side <n>', 'of the pictures that are huge, but of a size that is taken', positiveInteger, 4800)
  .option('--seed <n>', 'of the hostile pictures', positiveInteger, 1)
  .addOption(modelOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
Attacks, one after the other, from eight addresses: connections that each ask once a second, every tenth
with a picture; clients that send a byte a second; bodies of 10 GB, declared and chunked; small files that unpack to
gigabytes; damaged pictures. The attacker is a process of its own, and everything stays on 127.0.0.0/8. The server runs
with its default limits.

Examples:
  $ matvit bench abuse --count 200 --seconds 5 --pictures 100
  $ matvit bench abuse --json`,
  )
  .action(async ({ index, model, json, pictures, ...plan }: Options) => {
    const server = await ServeProcess.start(['--index', index, '--model', model, '--log-level', 'error']);
    const bar = progress('abuse');
    try {
      const rows = await benchAbuse(server, { ...plan, pictures, onProgress: bar.update });
      bar.stop();
      print({ rows }, json, () => table(rows));
      if (rows.some(({ survived }) => !survived)) process.exitCode = 1;
    } finally {
      bar.stop();
      await server.stop();
    }
  });
