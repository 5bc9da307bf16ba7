import { basename, dirname, join } from 'node:path';
import { Command } from 'commander';
import { scanPictures } from '../src/corpus/scan.js';
import { MatvitError } from '../src/errors.js';
import type { Encoder } from '../src/encoder/encoder.js';
import { type Engine, createEncoder } from '../src/encoder/engine.js';
import { type LabelledPicture, type PointEvaluation, defaultPoints, evaluate } from '../src/evaluation/evaluate.js';
import { accuracyOnLine, mixPoints } from '../src/evaluation/mixes.js';
import { decode } from '../src/image/decode.js';
import { readModel } from '../src/model/bundle.js';
import { parseOperatingPoint } from '../src/model/operating-point.js';
import { engineOption, jsonOption, modelOption, positiveInteger, progress, workersOption } from './cli.js';
import { print } from './output.js';

interface Options {
  gallery: string;
  queries: string;
  at?: string[];
  mixes?: number;
  model: string;
  galleryModel?: string;
  engine: Engine;
  workers?: number;
  json: boolean;
}

async function labelled(folder: string): Promise<LabelledPicture[]> {
  const { root, files, failed } = await scanPictures(folder);
  const [bad] = failed;
  if (bad) throw new MatvitError(bad.code, `${join(root, bad.path)}: ${bad.reason}`);
  return files.map(file => join(root, file.path)).map(path => ({ path, label: basename(dirname(path)) }));
}

/** @param points.line accuracy on the line between the trained granularities, of mixes */
function table(points: readonly (PointEvaluation & { readonly line?: number })[]): string {
  const percent = (x: number) => (100 * x).toFixed(1).padStart(6);
  const rows = points.map(
    p =>
      `${p.at.padEnd(20)} ${p.relativeMacs.toFixed(3)}  ${percent(p.accuracy1nn)}  ${percent(p.top1Agreement)}  ${percent(p.recallAt10)}${p.line === undefined ? '' : `     ${percent(p.line)}`}`,
  );
  const line = points.some(point => point.line !== undefined) ? '   1-NN on the line' : '';
  return [`operating point       MACs    1-NN   top-1  recall@10${line}`, ...rows].join('\n');
}

export const evaluateCommand = new Command('evaluate')
  .description('accuracy of operating points, as queries against a gallery embedded with the full model')
  .requiredOption('--gallery <folder>', 'pictures to search, class = parent folder')
  .requiredOption('--queries <folder>', 'pictures to search with, class = parent folder')
  .option(
    '--at <point...>',
    'operating points, separated by spaces or commas (default: S, M, L, XL at 224, 160, 112, or as much of another resolution)',
  )
  .option(
    '--mixes <n>',
    'random mixes that training leaves out, beside the line between S, M, L and XL',
    positiveInteger,
  )
  .addOption(modelOption())
  .option(
    '--gallery-model <dir>',
    'model that embeds the gallery, to see how far two models compare (default: --model)',
  )
  .addOption(engineOption())
  .addOption(workersOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
Columns: MACs relative to XL at the model's own resolution; 1-NN accuracy; top-1 and recall@10 against the queries of the
full model that embeds the gallery; of mixes, the accuracy that the straight line between the trained granularities has at their cost.

Example:
  $ matvit evaluate --gallery photos/gallery --queries photos/query --at XL,XL@96:int8
  $ matvit evaluate --gallery photos/gallery --queries photos/query --mixes 20`,
  )
  .action(async (options: Options) => {
    const { checkpoint } = await readModel(options.model);
    const { architecture } = checkpoint;
    const asked = options.mixes === undefined ? undefined : mixPoints(architecture, options.mixes);
    const parse = (name: string) => parseOperatingPoint(architecture, name);
    const named = options.at
      ?.flatMap(list => list.split(','))
      .filter(Boolean)
      .map(parse);
    if (named?.length === 0) throw new MatvitError('OPTION_INVALID', '--at names no operating point');
    const [gallery, queries] = await Promise.all([labelled(options.gallery), labelled(options.queries)]);
    const searched =
      options.galleryModel === undefined ? undefined : (await readModel(options.galleryModel)).checkpoint;
    if (searched && searched.architecture.width !== architecture.width)
      throw new MatvitError('OPTION_INVALID', 'the two models have vectors of different lengths');
    const encoder = await createEncoder(checkpoint, options);
    let galleryEncoder: Encoder | undefined;
    const bar = progress('evaluating');
    try {
      galleryEncoder = searched && (await createEncoder(searched, options));
      const onProgress = (done: number, total: number) => bar.update(done, total);
      const chosen = named ?? (asked ? [] : defaultPoints(encoder).map(parse));
      const points = [...chosen, ...(asked ? [...asked.trained, ...asked.mixes] : [])];
      const results = await evaluate({ encoder, galleryEncoder, decode, gallery, queries, points, onProgress });
      bar.stop();
      const trained = results.slice(chosen.length, chosen.length + (asked?.trained.length ?? 0));
      const rows = results.map((result, i) =>
        i < chosen.length + trained.length ? result : { ...result, line: accuracyOnLine(trained, result.relativeMacs) },
      );
      print({ points: rows }, options.json, () => table(rows));
    } finally {
      await Promise.all([encoder.close(), galleryEncoder?.close()]);
    }
  });
