import { basename, dirname, join } from 'node:path';
import { Command } from 'commander';
import { scan } from '../src/corpus/scan.js';
import { MatvitError } from '../src/errors.js';
import { type Engine, createEncoder } from '../src/encoder/engine.js';
import { type LabelledPicture, type PointEvaluation, defaultPoints, evaluate } from '../src/evaluation/evaluate.js';
import { decode } from '../src/image/decode.js';
import { readModel } from '../src/model/bundle.js';
import { parseOperatingPoint } from '../src/model/operating-point.js';
import { engineOption, jsonOption, modelOption, progress, workersOption } from './cli.js';

interface Options {
  gallery: string;
  queries: string;
  at?: string[];
  model: string;
  engine: Engine;
  workers?: number;
  json: boolean;
}

async function labelled(folder: string): Promise<LabelledPicture[]> {
  const { root, files, failed } = await scan(folder);
  const [bad] = failed;
  if (bad) throw new MatvitError(bad.code, `${join(root, bad.path)}: ${bad.reason}`);
  if (files.length === 0) throw new MatvitError('FOLDER_UNREADABLE', `${folder} holds no pictures`);
  return files.map(file => join(root, file.path)).map(path => ({ path, label: basename(dirname(path)) }));
}

function table(points: readonly PointEvaluation[]): string {
  const percent = (x: number) => (100 * x).toFixed(1).padStart(6);
  const rows = points.map(
    p =>
      `${p.at.padEnd(20)} ${p.relativeMacs.toFixed(3)}  ${percent(p.accuracy1nn)}  ${percent(p.top1Agreement)}  ${percent(p.recallAt10)}`,
  );
  return ['operating point       MACs    1-NN   top-1  recall@10', ...rows].join('\n');
}

export const evaluateCommand = new Command('evaluate')
  .description('accuracy of operating points, as queries against a gallery embedded with the full model')
  .requiredOption('--gallery <folder>', 'pictures to search, class = parent folder')
  .requiredOption('--queries <folder>', 'pictures to search with, class = parent folder')
  .option('--at <point...>', 'operating points, separated by spaces or commas (default: S, M, L, XL at 224, 160, 112)')
  .addOption(modelOption())
  .addOption(engineOption())
  .addOption(workersOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
Columns: MACs relative to XL@224; 1-NN accuracy; top-1 and recall@10 against the full model's own queries.

Example:
  $ matvit evaluate --gallery photos/gallery --queries photos/query --at XL,S@112:int8`,
  )
  .action(async (options: Options) => {
    const { checkpoint } = await readModel(options.model);
    const names = options.at?.flatMap(list => list.split(',')).filter(Boolean) ?? defaultPoints();
    const points = names.map(name => parseOperatingPoint(checkpoint.architecture, name));
    const [gallery, queries] = await Promise.all([labelled(options.gallery), labelled(options.queries)]);
    const encoder = await createEncoder(checkpoint, options);
    const bar = progress('evaluating');
    try {
      const onProgress = (done: number, total: number) => bar.update(done, total);
      const results = await evaluate({ encoder, decode, gallery, queries, points, onProgress });
      bar.stop();
      process.stdout.write(options.json ? JSON.stringify({ points: results }) + '\n' : table(results) + '\n');
    } finally {
      await encoder.close();
    }
  });
