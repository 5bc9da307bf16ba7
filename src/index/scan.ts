import { TopK } from './top-k.js';

/**
 * Offers every row to `best` with its similarity to a query: the exact search.
 * @param vectors [at least ids.length, dimension], unit rows
 * @param query [dimension], unit
 */
export function scan(ids: readonly number[], vectors: Float32Array, query: Float32Array, best: TopK): void {
  const dimension = query.length;
  for (let row = 0, at = 0; row < ids.length; row++) {
    // one sum would wait for itself: four are twice as fast
    let [a, b, c, d] = [0, 0, 0, 0];
    const end = at + dimension;
    let i = 0;
    for (; at + 4 <= end; at += 4, i += 4) {
      a += query[i]! * vectors[at]!;
      b += query[i + 1]! * vectors[at + 1]!;
      c += query[i + 2]! * vectors[at + 2]!;
      d += query[i + 3]! * vectors[at + 3]!;
    }
    for (; at < end; at++, i++) a += query[i]! * vectors[at]!;
    const score = Math.min(1, Math.max(-1, a + b + c + d));
    if (score >= best.threshold) best.add({ id: ids[row]!, score });
  }
}
