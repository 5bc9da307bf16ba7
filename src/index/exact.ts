/** The exact adapter: every vector in one array, every search a scan of it. The oracle of the approximate ones. */
import { checkQuery, checkVectors } from './check.js';
import { scan } from './scan.js';
import { TopK } from './top-k.js';
import type { Neighbour, VectorIndex } from './vector-index.js';

/** vectors that there is always room for */
const least = 256;

export class ExactIndex implements VectorIndex {
  /** [capacity, dimension]; the rows from ids.length on are free */
  private vectors: Float32Array;
  private readonly ids: number[] = [];
  private readonly rows = new Map<number, number>();

  constructor(readonly dimension: number) {
    this.vectors = new Float32Array(least * dimension);
  }

  size(): Promise<number> {
    return Promise.resolve(this.ids.length);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- so that a refusal is a rejection
  async upsert(ids: readonly number[], vectors: Float32Array): Promise<void> {
    const { dimension } = this;
    checkVectors(dimension, ids, vectors);
    this.reserve(this.ids.length + ids.length);
    ids.forEach((id, i) => {
      let row = this.rows.get(id);
      if (row === undefined) {
        row = this.ids.push(id) - 1;
        this.rows.set(id, row);
      }
      this.vectors.set(vectors.subarray(i * dimension, (i + 1) * dimension), row * dimension);
    });
  }

  /** The last row moves into the gap. */
  remove(ids: readonly number[]): Promise<void> {
    const { dimension } = this;
    for (const id of ids) {
      const row = this.rows.get(id);
      if (row === undefined) continue;
      const last = this.ids.length - 1;
      const moved = this.ids[last]!;
      this.vectors.copyWithin(row * dimension, last * dimension, (last + 1) * dimension);
      this.ids[row] = moved;
      this.rows.set(moved, row);
      this.ids.pop();
      this.rows.delete(id);
    }
    if (this.ids.length === 0 && this.vectors.length > least * dimension)
      this.vectors = new Float32Array(least * dimension); // all of a corpus may have passed through
    return Promise.resolve();
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- so that a refusal is a rejection
  async search(query: Float32Array, k: number): Promise<Neighbour[]> {
    const { vectors, ids } = this;
    checkQuery(this.dimension, query, k);
    const best = new TopK(Math.min(k, ids.length));
    scan(ids, vectors, query, best);
    return best.sorted();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private reserve(count: number): void {
    const needed = count * this.dimension;
    if (needed <= this.vectors.length) return;
    const grown = new Float32Array(Math.max(needed, 2 * this.vectors.length));
    grown.set(this.vectors);
    this.vectors = grown;
  }
}
