/**
 * How good are an operating point's queries against a gallery that the full model embedded? Labels give 1-NN accuracy;
 * agreement is with the full model's own queries.
 */
import { MatvitError } from '../errors.js';
import { wholePatches } from '../model/architecture.js';
import { type OperatingPoint, fullPoint, printOperatingPoint } from '../model/operating-point.js';
import { relativeMacs } from '../model/cost.js';
import type { Encoder } from '../encoder/encoder.js';
import { ExactIndex } from '../index/exact.js';
import { embedAll } from './embed-all.js';

export interface LabelledPicture {
  readonly path: string;
  readonly label: string;
}

export interface PointEvaluation {
  /** the operating point, as printOperatingPoint writes it */
  readonly at: string;
  readonly relativeMacs: number;
  /** share of queries whose nearest neighbour has their label */
  readonly accuracy1nn: number;
  /** share of queries whose nearest neighbour is the one that the full model finds */
  readonly top1Agreement: number;
  /** mean share of the full model's ten nearest neighbours among the point's ten */
  readonly recallAt10: number;
}

export interface EvaluationOptions {
  readonly encoder: Encoder;
  /** whose full model embeds the gallery, and the queries that the others are compared with; `encoder` by default */
  readonly galleryEncoder?: Encoder | undefined;
  /** decodes a picture to [resolution, resolution, 3] */
  readonly decode: (path: string, resolution: number) => Promise<Uint8Array>;
  readonly gallery: readonly LabelledPicture[];
  readonly queries: readonly LabelledPicture[];
  readonly points: readonly OperatingPoint[];
  readonly onProgress?: (done: number, total: number) => void;
}

/** @throws OPTION_INVALID for labels that tell nothing, and what `decode` and the encoders do */
export async function evaluate(options: EvaluationOptions): Promise<PointEvaluation[]> {
  const { encoder, galleryEncoder = encoder, gallery, queries, points } = options;
  checkLabels(gallery, queries);
  const a = encoder.architecture;
  const full = fullPoint(galleryEncoder.architecture);
  const total = gallery.length + queries.length * (points.length + 1);
  let done = 0;
  const embed = (by: Encoder, pictures: readonly LabelledPicture[], point: OperatingPoint) =>
    embedAll(
      by,
      options.decode,
      pictures.map(picture => picture.path),
      point,
      () => options.onProgress?.(++done, total),
    );

  const index = new ExactIndex(a.width);
  await index.upsert(
    gallery.map((_, i) => i + 1),
    await embed(galleryEncoder, gallery, full),
  );
  const nearest = async (by: Encoder, point: OperatingPoint): Promise<number[][]> => {
    const vectors = await embed(by, queries, point);
    return Promise.all(
      queries.map(async (_, i) => {
        const found = await index.search(vectors.subarray(i * a.width, (i + 1) * a.width), 10);
        return found.map(neighbour => neighbour.id);
      }),
    );
  };
  const reference = await nearest(galleryEncoder, full);
  const evaluations: PointEvaluation[] = [];
  for (const point of points) {
    const isReference = encoder === galleryEncoder && printOperatingPoint(point) === printOperatingPoint(full);
    const found = isReference ? reference : await nearest(encoder, point);
    const share = (score: (ids: number[], i: number) => number) =>
      found.reduce((sum, ids, i) => sum + score(ids, i), 0) / queries.length;
    evaluations.push({
      at: printOperatingPoint(point),
      relativeMacs: relativeMacs(a, point),
      accuracy1nn: share((ids, i) => Number(gallery[ids[0]! - 1]!.label === queries[i]!.label)),
      top1Agreement: share((ids, i) => Number(ids[0] === reference[i]![0])),
      recallAt10: share((ids, i) => reference[i]!.filter(id => ids.includes(id)).length / reference[i]!.length),
    });
  }
  await index.close();
  return evaluations;
}

/** Every query is right where there is one label, and none is where queries have labels of their own. */
function checkLabels(gallery: readonly LabelledPicture[], queries: readonly LabelledPicture[]): void {
  const labels = new Set(gallery.map(picture => picture.label));
  const [first] = labels;
  if (labels.size < 2)
    throw new MatvitError('OPTION_INVALID', `all pictures of the gallery are in a folder named '${first}': one class`);
  if (!queries.some(query => labels.has(query.label)))
    throw new MatvitError(
      'OPTION_INVALID',
      `no query is in a folder named as one of the gallery's: '${queries[0]?.label}' is not among '${first}', …`,
    );
}

/** What `matvit evaluate` looks at unless told otherwise: the encoder's own resolution, five sevenths of it and a half. */
export function defaultPoints({ architecture, precisions }: Pick<Encoder, 'architecture' | 'precisions'>): string[] {
  const sides = [1, 5 / 7, 1 / 2].map(share => wholePatches(architecture, share * architecture.resolution));
  return ['XL', 'L', 'M', 'S'].flatMap(name =>
    [...new Set(sides)].flatMap(side => precisions.map(precision => `${name}@${side}:${precision}`)),
  );
}
