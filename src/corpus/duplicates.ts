/** Pictures that show the same: exact copies share a vector, recompressed, resized and cropped ones have similar vectors. */
import { setImmediate } from 'node:timers/promises';
import type { Image } from '../catalogue/image.js';
import type { VectorRows } from '../catalogue/vector-rows.js';
import { dot } from '../index/dot.js';
import type { ImageIndex } from './image-index.js';
import type { Hit } from './nearest.js';

/** Cosine similarity from which two pictures count as copies of one another; docs/index.md has what it finds. */
export const duplicateThreshold = 0.96;

export interface DuplicateGroup {
  /** two or more, by ascending id */
  readonly images: readonly Image[];
  /** smallest cosine similarity among the pairs that made the group; 1 for exact copies */
  readonly score: number;
}

/**
 * Groups images whose vectors are linked by similarities of at least `threshold`, the largest group first.
 * @param threshold cosine similarity, 0 … 1
 */
export async function findDuplicates(
  index: ImageIndex,
  { threshold, onProgress }: { threshold: number; onProgress?: (done: number, total: number) => void },
): Promise<DuplicateGroup[]> {
  const { catalogue } = index;
  const images = catalogue.images();
  const parents = new Map(images.map(({ vectorId }) => [vectorId, vectorId]));
  const rootOf = (id: number): number => {
    let root = id;
    while (parents.get(root) !== root) root = parents.get(root)!;
    parents.set(id, root);
    return root;
  };
  /** of each vector, of its links */
  const lowest = new Map<number, number>();
  let done = 0;
  for (const { ids, vectors } of catalogue.vectorsAdded(0, catalogue.revision()))
    for (const [i, id] of ids.entries()) {
      onProgress?.(++done, parents.size);
      if (!parents.has(id)) continue;
      const vector = vectors.subarray(i * catalogue.dimension, (i + 1) * catalogue.dimension);
      for (const { image, score } of await allFrom(threshold, async k => (await index.search(vector, { k })).hits)) {
        const other = image.vectorId;
        if (other === id || !parents.has(other)) continue;
        lowest.set(id, Math.min(lowest.get(id) ?? 1, score));
        parents.set(rootOf(id), rootOf(other));
      }
    }
  const byRoot = new Map<number, { images: Image[]; score: number }>();
  for (const image of images) {
    const root = rootOf(image.vectorId);
    const group = byRoot.get(root) ?? { images: [], score: 1 };
    group.images.push(image);
    byRoot.set(root, group);
  }
  for (const [id, score] of lowest) {
    const group = byRoot.get(rootOf(id))!;
    group.score = Math.min(group.score, score);
  }
  return [...byRoot.values()]
    .filter(group => group.images.length > 1)
    .map(({ images, score }) => ({ images: images.sort((a, b) => a.id - b.id), score }))
    .sort((a, b) => b.images.length - a.images.length || a.images[0]!.id - b.images[0]!.id);
}

/** All results of a search with at least this score. */
async function allFrom<T extends { score: number }>(
  threshold: number,
  search: (k: number) => Promise<T[]>,
): Promise<T[]> {
  for (let k = 8; ; k *= 2) {
    const results = await search(k);
    if (results.length < k || results.at(-1)!.score < threshold)
      return results.filter(({ score }) => score >= threshold);
  }
}

/** Hits that are looked through: where more are alike, fewer are found than were asked for. */
const widest = 10_000;

/** hits after which others have the thread */
const breath = 100;

/**
 * A search of which no two hits are near-duplicates: each hit is folded into the best one that it is like. It looks through
 * 10,000 hits or so.
 * @param find the best hits: at least as many as asked for, or all there are
 * @param vectorsOf of these ids the vectors that there still are
 */
export function collapsing(
  find: (count: number) => Promise<Hit[]>,
  vectorsOf: (ids: readonly number[]) => Promise<VectorRows>,
  threshold: number,
): (count: number) => Promise<Hit[]> {
  return async count => {
    for (let width = 2 * count; ; width *= 2) {
      const hits = await find(width);
      const { ids, vectors } = await vectorsOf([...new Set(hits.map(({ image }) => image.vectorId))]);
      const size = vectors.length / Math.max(1, ids.length);
      const vectorOf = new Map(ids.map((id, i) => [id, vectors.subarray(i * size, (i + 1) * size)]));
      const kept: { hit: Hit; vector: Float32Array; duplicates: Hit[] }[] = [];
      for (const [i, hit] of hits.entries()) {
        if (i % breath === breath - 1) await setImmediate();
        const vector = vectorOf.get(hit.image.vectorId);
        if (!vector) continue; // deleted just now
        const like = kept.find(other => dot(other.vector, vector) >= threshold);
        if (like) like.duplicates.push(hit);
        else kept.push({ hit, vector, duplicates: [] });
      }
      if (kept.length >= count || hits.length < width || width >= widest)
        return kept.map(({ hit, duplicates }) => ({ ...hit, duplicates }));
    }
  };
}
