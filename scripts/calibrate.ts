import { access, constants, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { writeCalibration } from '../src/corpus/calibration.js';
import { type Engine, createEncoder } from '../src/encoder/engine.js';
import { MatvitError, storageFailed } from '../src/errors.js';
import { calibrate } from '../src/evaluation/calibrate.js';
import { rankingDepth } from '../src/evaluation/judge.js';
import { type ModelCard, readModel } from '../src/model/bundle.js';
import { writeFileAtomic } from '../src/model/write-file-atomic.js';
import type { Calibration } from '../src/planner/calibration.js';
import { sumOf } from '../src/planner/frontier.js';
import {
  engineOption,
  indexOption,
  interruption,
  jsonOption,
  modelOption,
  positiveInteger,
  progress,
  workersOption,
} from './cli.js';
import { openFolder } from './open-index.js';
import { print } from './output.js';

interface Options {
  index: string;
  model: string;
  engine: Engine;
  workers?: number;
  queries: number;
  rounds: number;
  defaults: boolean;
  json: boolean;
}

/** The frontier for people. */
function describe({ points, queries, pictures, cpu }: Calibration): string {
  const rows = points.map(({ at, decodeMs, encodeMs, fidelity: { rbo, top1Agreement, recallAt10 } }) => {
    const numbers = [sumOf(decodeMs, encodeMs).p50, sumOf(decodeMs, encodeMs).p95].map(ms => ms.toFixed(1).padStart(6));
    const shares = [rbo, top1Agreement, recallAt10].map(share => share.toFixed(3).padStart(9));
    return `${at.padEnd(24)} ${numbers.join('')} ${shares.join('')}`;
  });
  const head = `${'operating point'.padEnd(24)} p50 ms p95 ms      RBO    top-1 recall@10`;
  const tail = [`${queries} queries on ${pictures} pictures, ${cpu}`];
  if (pictures <= rankingDepth)
    tail.push(`so few that rankings of ${rankingDepth} agree by chance: fidelities are too high`);
  return [head, ...rows, ...tail].join('\n');
}

export const calibrateCommand = new Command('calibrate')
  .description('measure latency and fidelity of operating points on this machine and an index')
  .addOption(indexOption())
  .option('--queries <n>', 'augmented pictures of the index to search with', positiveInteger, 200)
  .option('--rounds <n>', 'times that each point is timed', positiveInteger, 60)
  .option('--defaults', "write the result into the model's model.json, for every index without its own", false)
  .addOption(modelOption())
  .addOption(engineOption())
  .addOption(workersOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
Fidelity needs no labels: it is the agreement with the full model's own answers (rank-biased overlap, top-1 agreement,
recall@10). The result is stored beside the index, and \`matvit serve\` chooses from it under a latency budget. A server
that is running takes it up when it is sent SIGHUP, or started again.

Examples:
  $ matvit calibrate --index indexes/photos
  $ matvit calibrate --index index-data/demo --defaults`,
  )
  .action(async (options: Options) => {
    if (options.queries < 2) throw new MatvitError('OPTION_INVALID', '--queries is 2 at least');
    const { checkpoint } = await readModel(options.model);
    const { fingerprint, architecture } = checkpoint;
    const index = await openFolder(options.index, { fingerprint, dimension: architecture.width });
    const bar = progress('calibrating');
    try {
      await checkWritable(options.defaults ? options.model : options.index);
      const encoder = await createEncoder(checkpoint, options);
      try {
        const calibration = await calibrate(encoder, index, {
          ...{ queries: options.queries, rounds: options.rounds, signal: interruption() },
          onProgress: bar.update,
        });
        if (options.defaults) await writeDefaults(options.model, calibration);
        else await writeCalibration(options.index, calibration);
        bar.stop();
        print(calibration, options.json, describe);
      } finally {
        await encoder.close();
      }
    } finally {
      bar.stop();
      await index.close();
    }
  });

/** Before minutes of measuring. @throws STORAGE_FAILED */
async function checkWritable(folder: string): Promise<void> {
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw storageFailed(folder, error);
  });
}

/** Leaves the weights alone. */
async function writeDefaults(folder: string, calibration: Calibration): Promise<void> {
  const path = join(folder, 'model.json');
  const card = JSON.parse(await readFile(path, 'utf8')) as ModelCard;
  await writeFileAtomic(path, JSON.stringify({ ...card, calibration }, null, 2) + '\n');
}
