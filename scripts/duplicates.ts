import { Command } from 'commander';
import { duplicateThreshold, findDuplicates } from '../src/corpus/duplicates.js';
import { MatvitError } from '../src/errors.js';
import { readModel } from '../src/model/bundle.js';
import { indexOption, jsonOption, modelOption, number, printable, progress } from './cli.js';
import { openFolder } from './open-index.js';
import { print } from './output.js';

interface Options {
  index: string;
  model: string;
  threshold: number;
  json: boolean;
}

function similarity(text: string): number {
  const value = number(text);
  if (value <= 0 || value > 1) throw new MatvitError('OPTION_INVALID', `'${text}' is not a similarity, above 0 to 1`);
  return value;
}

interface Found {
  readonly groups: readonly { readonly score: number; readonly images: readonly { id: number; path: string }[] }[];
}

function describe({ groups }: Found): string {
  const lines = groups.flatMap(({ score, images }) => [
    score.toFixed(4),
    ...images.map(({ id, path }) => `  ${String(id).padStart(8)}  ${printable(path)}`),
  ]);
  const spare = groups.reduce((sum, { images }) => sum + images.length - 1, 0);
  return [...lines, `${groups.length} groups, ${spare} pictures more than needed`].join('\n');
}

export const duplicatesCommand = new Command('duplicates')
  .description('find the pictures of an index that show the same')
  .addOption(indexOption())
  .option('--threshold <cosine>', 'similarity from which two pictures are copies', similarity, duplicateThreshold)
  .addOption(modelOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
Finds exact copies, and recompressed, resized and slightly cropped ones. Nothing is deleted.

Example:
  $ matvit duplicates --index indexes/photos --threshold 0.97`,
  )
  .action(async ({ index: folder, model, threshold, json }: Options) => {
    const { checkpoint } = await readModel(model);
    const { fingerprint, architecture } = checkpoint;
    const index = await openFolder(folder, { fingerprint, dimension: architecture.width });
    const bar = progress('comparing');
    try {
      const groups = await findDuplicates(index, { threshold, onProgress: bar.update });
      bar.stop();
      const plain = groups.map(({ score, images }) => ({
        score,
        images: images.map(({ id, path }) => ({ id, path })),
      }));
      print({ threshold, groups: plain }, json, describe);
    } finally {
      bar.stop();
      await index.close();
    }
  });
