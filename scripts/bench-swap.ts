import { Command } from 'commander';
import { type SwapBench, benchSwap } from '../src/evaluation/bench-swap.js';
import { picturesOf } from './bench-budget.js';
import { demoIndexOption, jsonOption, modelOption, positiveInteger, positiveNumber } from './cli.js';
import { print } from './output.js';

interface Options {
  index: string;
  model: string;
  rate: number;
  seconds: number;
  swaps: number;
  at: string;
  seed: number;
  json: boolean;
}

function describe(bench: SwapBench, rate: number): string {
  const { requests, failures, swaps, p50, p99, max, answeredBy, exitCode, stopMs } = bench;
  const failed = Object.entries(failures).map(([outcome, count]) => `${outcome}: ${count}`);
  return `${requests} requests at ${rate}/s, failed: ${failed.length === 0 ? 'none' : failed.join(', ')}
${swaps} hot swaps, then a stop in ${(stopMs / 1000).toFixed(1)} s, exit code ${exitCode}
answered by the first server: ${answeredBy[0]}, by the one beside it: ${answeredBy[1]}
p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, longest ${max.toFixed(0)} ms`;
}

export const benchSwapCommand = new Command('swap')
  .description('requests that fail while a server swaps model and index (SIGHUP) and then stops (SIGTERM)')
  .addOption(demoIndexOption())
  .option('--rate <n>', 'requests a second', positiveNumber, 50)
  .option('--seconds <n>', 'in all', positiveNumber, 60)
  .option('--swaps <n>', 'hot swaps in the first two thirds of it', positiveInteger, 3)
  .option('--at <point>', 'operating point of the searches by picture', 'S@112:int8')
  .option('--seed <n>', 'of the arrivals', positiveInteger, 1)
  .addOption(modelOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
A second server stands by. The client goes to the first as long as its /readyz says so, as a load balancer does.

Example:
  $ matvit bench swap --seconds 20 --swaps 1`,
  )
  .action(async ({ json, at, ...options }: Options) => {
    const pictures = await picturesOf(options);
    const args = ['--index', options.index, '--model', options.model, '--rate-limit', '0'];
    const result = await benchSwap({ ...options, args, pictures, query: `at=${at}` });
    print(result, json, () => describe(result, options.rate));
    const { failures, swaps, exitCode } = result;
    if (Object.keys(failures).length > 0 || swaps < options.swaps || exitCode !== 0) process.exitCode = 1;
  });
