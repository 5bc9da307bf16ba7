/** Which similarity tells copies of a picture from other pictures: altered copies, found by their vectors. */
import { join } from 'node:path';
import pMap from 'p-map';
import { Embedder } from '../corpus/embedder.js';
import type { Encoder } from '../encoder/encoder.js';
import { decode } from '../image/decode.js';
import { withPicture } from '../image/open.js';
import type { Sharp } from '../image/sharp.js';
import { fullPoint } from '../model/operating-point.js';

/** What people do to pictures. Sides in pixels. */
const alterations: Readonly<Record<string, (image: Sharp, width: number, height: number) => Sharp>> = {
  recompressed: image => image.jpeg({ quality: 40 }),
  resized: (image, width) => image.resize(Math.round(0.75 * width)).jpeg({ quality: 85 }),
  halved: (image, width) => image.resize(Math.round(width / 2)).jpeg({ quality: 85 }),
  cropped: (image, width, height) => {
    const [x, y] = [Math.round(0.04 * width), Math.round(0.04 * height)];
    return image.extract({ left: x, top: y, width: width - 2 * x, height: height - 2 * y }).jpeg({ quality: 85 });
  },
  mirrored: image => image.flop().jpeg({ quality: 85 }),
};

export interface NearDuplicates {
  /** pictures that were altered, each in all ways, and pictures beside them that were not */
  readonly altered: number;
  readonly others: number;
  readonly thresholds: readonly {
    readonly threshold: number;
    /** of the pairs with at least this similarity, the share that is of one picture */
    readonly precision: number;
    /** of the pairs of a picture and its altered copy, the share with at least this similarity */
    readonly recall: number;
    readonly recallBy: Readonly<Record<string, number>>;
  }[];
}

/**
 * Pictures of the folder that happen to be alike count against precision.
 * @param paths relative to `folder`; the first `altered` of them get altered copies
 */
export async function nearDuplicates(
  encoder: Encoder,
  folder: string,
  paths: readonly string[],
  {
    altered,
    thresholds,
    onProgress,
  }: { altered: number; thresholds: readonly number[]; onProgress?: (done: number, total: number) => void },
): Promise<NearDuplicates> {
  const point = fullPoint(encoder.architecture);
  const embedder = new Embedder(encoder, point);
  const kinds = Object.keys(alterations);
  const works = paths.flatMap((path, source) => [
    { path, source, kind: undefined },
    ...(source < altered ? kinds.map(kind => ({ path, source, kind })) : []),
  ]);
  let done = 0;
  const vectors = await pMap(
    works,
    async ({ path, kind }) => {
      const file = join(folder, path);
      const alter = kind === undefined ? undefined : alterations[kind]!;
      const bytes = alter
        ? await withPicture(file, {}, async ({ image, size }) => {
            const { width, height } = await size();
            return alter(image, width, height).toBuffer();
          })
        : file;
      const vector = await embedder.embed(await decode(bytes, point.resolution));
      onProgress?.(++done, works.length);
      return vector;
    },
    { concurrency: embedder.capacity },
  );

  const counts = thresholds.map(threshold => ({ threshold, right: 0, found: 0, by: new Map<string, number>() }));
  for (let a = 0; a < works.length; a++)
    for (let b = a + 1; b < works.length; b++) {
      const score = vectors[a]!.reduce((sum, x, i) => sum + x * vectors[b]![i]!, 0);
      const same = works[a]!.source === works[b]!.source;
      const kind = works[a]!.kind === undefined ? works[b]!.kind : undefined;
      for (const count of counts)
        if (score >= count.threshold) {
          count.found++;
          if (same) count.right++;
          if (same && kind !== undefined) count.by.set(kind, (count.by.get(kind) ?? 0) + 1);
        }
    }
  return {
    altered,
    others: paths.length - altered,
    thresholds: counts.map(({ threshold, right, found, by }) => {
      const recallBy = Object.fromEntries(kinds.map(kind => [kind, (by.get(kind) ?? 0) / altered]));
      const recall = Object.values(recallBy).reduce((sum, share) => sum + share, 0) / kinds.length;
      return { threshold, precision: found === 0 ? 1 : right / found, recall, recallBy };
    }),
  };
}
