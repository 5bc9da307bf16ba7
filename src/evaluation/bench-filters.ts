/** Filtered searches: how much of the exact answer they give, and how long they take, by how much passes the filter. */
import type { NewImage } from '../catalogue/changes.js';
import type { Filter } from '../catalogue/filter.js';
import type { Metadata } from '../catalogue/image.js';
import type { SearchableIndex, WritableIndex } from '../corpus/ports.js';
import { dot } from '../index/dot.js';
import { scan } from '../index/scan.js';
import { TopK } from '../index/top-k.js';
import { type Random, random } from '../training/random.js';
import { median, quantile } from '../statistics.js';

const k = 10;
const shares = [0.5, 0.1, 0.02, 0.001];
/** Queries that have a field of their own, which says how near a picture is to them. */
const axes = 10;
const clusters = 100;

export interface FilterTiming {
  /** of the pictures, that passes */
  readonly share: number;
  /** what passes lies anywhere, near the query, or far from it */
  readonly passes: 'by chance' | 'the nearest' | 'the farthest';
  readonly recallAt10: number;
  /** milliseconds of a search whose filter is new: median, and 95th percentile */
  readonly firstMs: number;
  readonly firstMs95: number;
  /** milliseconds of the same search again, median */
  readonly againMs: number;
}

interface Query {
  readonly vector: Float32Array;
  readonly filter: Filter;
  readonly passes: (picture: number) => boolean;
}

/** @param index empty, of vectors of `dimension` numbers; holds `pictures` synthetic ones afterwards */
export async function benchFilters(
  index: SearchableIndex & WritableIndex,
  dimension: number,
  pictures: number,
  { onProgress }: { onProgress?: (done: number, total: number) => void } = {},
): Promise<FilterTiming[]> {
  const generator = random(7);
  const vectors = clusteredVectors(pictures + axes, dimension, generator);
  const row = (i: number) => vectors.subarray(i * dimension, (i + 1) * dimension);
  const u = Float64Array.from({ length: pictures }, () => generator.next());
  const near = Array.from({ length: axes }, (_, axis) =>
    Float64Array.from({ length: pictures }, (_, i) => dot(row(i), row(pictures + axis))),
  );

  const metadataOf = (i: number): Metadata => ({
    u: u[i]!,
    ...Object.fromEntries(near.map((scores, axis) => [`near${axis}`, scores[i]!])),
  });
  for (let at = 0; at < pictures; at += 1000) {
    const put = Array.from({ length: Math.min(1000, pictures - at) }, (_, i): NewImage => {
      const n = at + i;
      const file = { path: `${n}.jpg`, sha256: n.toString(16).padStart(64, '0'), size: 1, mtime: 1 };
      return { ...file, metadata: metadataOf(n), embedding: row(n) };
    });
    await index.commit({ put });
    onProgress?.(at + put.length, pictures);
  }
  await index.save(); // the graph has them all then

  const all = Array.from({ length: pictures }, (_, i) => i);
  const timings: FilterTiming[] = [];
  for (const share of shares) {
    const measure = async (passes: FilterTiming['passes'], queries: readonly Query[]) => {
      timings.push({ share, passes, ...(await timed(index, queries, all, row)) });
    };
    const chance = Array.from({ length: 3 * axes }, (_, i): Query => {
      const low = generator.between(0, 1 - share);
      const high = low + share;
      return {
        vector: row(pictures + (i % axes)),
        filter: { kind: 'range', path: ['u'], bounds: { $gte: low, $lt: high } },
        passes: picture => u[picture]! >= low && u[picture]! < high,
      };
    });
    await measure('by chance', chance);
    const count = Math.ceil(share * pictures);
    for (const passes of ['the nearest', 'the farthest'] as const) {
      const queries = near.map((scores, axis): Query => {
        const ordered = Float64Array.from(scores).sort();
        const edge = passes === 'the nearest' ? ordered[pictures - count]! : ordered[count - 1]!;
        return {
          vector: row(pictures + axis),
          filter: {
            ...{ kind: 'range', path: [`near${axis}`] },
            bounds: passes === 'the nearest' ? { $gte: edge } : { $lte: edge },
          },
          passes: picture => (passes === 'the nearest' ? scores[picture]! >= edge : scores[picture]! <= edge),
        };
      });
      await measure(passes, queries);
    }
  }
  return timings;
}

async function timed(
  index: SearchableIndex,
  queries: readonly Query[],
  all: readonly number[],
  row: (picture: number) => Float32Array,
) {
  const [first, again]: [number[], number[]] = [[], []];
  let [found, wanted] = [0, 0];
  for (const { vector, filter, passes } of queries) {
    const began = performance.now();
    const { hits } = await index.search(vector, { k, filter });
    const middle = performance.now();
    await index.search(vector, { k, filter });
    again.push(performance.now() - middle);
    first.push(middle - began);
    const best = new TopK(k);
    for (const picture of all) if (passes(picture)) scan([picture], row(picture), vector, best);
    const truth = new Set(best.sorted().map(({ id }) => `${id}.jpg`));
    found += hits.filter(hit => truth.has(hit.image.path)).length;
    wanted += truth.size;
  }
  return {
    recallAt10: found / wanted,
    firstMs: median(first),
    firstMs95: quantile(first, 0.95),
    againMs: median(again),
  };
}

/** Unit vectors around centres, as embeddings of a collection of pictures are: [count, dimension]. */
function clusteredVectors(count: number, dimension: number, generator: Random): Float32Array {
  const centres = Array.from({ length: clusters }, () =>
    Float32Array.from({ length: dimension }, () => generator.normal()),
  );
  const vectors = new Float32Array(count * dimension);
  for (let i = 0; i < count; i++) {
    const vector = centres[generator.below(clusters)]!.map(x => x + 0.7 * generator.normal());
    const length = Math.sqrt(dot(vector, vector));
    vectors.set(
      vector.map(x => x / length),
      i * dimension,
    );
  }
  return vectors;
}
