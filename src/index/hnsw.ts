/** The approximate adapter: an HNSW graph in a worker thread. */
import { Worker } from 'node:worker_threads';
import { MatvitError } from '../errors.js';
import { checkQuery, checkVectors } from './check.js';
import type { HnswCalls, HnswReply, HnswRequest, StoredGraph } from './hnsw-worker.js';
import { byRank } from './top-k.js';
import type { Neighbour, VectorIndex } from './vector-index.js';

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** Besides the port's errors, every method @throws INDEX_FAILED when the thread has died or has been closed. */
export class HnswIndex implements VectorIndex {
  private readonly worker = new Worker(new URL('./hnsw-worker.js', import.meta.url), { execArgv: [] });
  private readonly exited = new Promise(resolve => this.worker.once('exit', resolve));
  private readonly pending = new Map<number, Pending>();
  private calls = 0;
  /** why no more calls are taken */
  private ended: string | undefined;
  private closed = false;

  private constructor(readonly dimension: number) {
    this.worker.on('message', ({ call, value, error }: HnswReply) => {
      const pending = this.pending.get(call);
      this.pending.delete(call);
      if (error === undefined) pending?.resolve(value as never);
      else pending?.reject(new MatvitError('INDEX_FAILED', error));
    });
    this.worker.on('error', error => this.end(`its thread died: ${error.message}`));
    this.worker.on('exit', code => this.end(`its thread ended with code ${code}`));
  }

  /** An empty index. */
  static async create(dimension: number): Promise<HnswIndex> {
    const index = new HnswIndex(dimension);
    await index.call('create', dimension);
    return index;
  }

  /**
   * Reads what `write` wrote, once it has turned out to be just that: hnswlib aborts the process on hostile files and
   * believes flipped bytes.
   */
  static async load(file: string, whole: StoredGraph): Promise<HnswIndex> {
    const index = new HnswIndex(whole.dimension);
    try {
      const { dimension, count, bytes, sha256 } = whole;
      await index.call('load', file, { dimension, count, bytes, sha256 });
      return index;
    } catch (error) {
      await index.close();
      throw error;
    }
  }

  /**
   * Writes the graph in hnswlib's format. A full disk goes unnoticed by hnswlib: snapshot.ts checks the file.
   * @returns vectors in it, without deleted ones
   */
  write(file: string): Promise<number> {
    return this.call('write', file);
  }

  /** Has its thread died? */
  get isDead(): boolean {
    return this.ended !== undefined && !this.closed;
  }

  size(): Promise<number> {
    return this.call('size');
  }

  /** Removed vectors whose places no other has taken yet. */
  tombstones(): Promise<number> {
    return this.call('tombstones');
  }

  /** How many of these ids it holds. */
  count(ids: readonly number[]): Promise<number> {
    return this.call('count', ids);
  }

  async upsert(ids: readonly number[], vectors: Float32Array): Promise<void> {
    checkVectors(this.dimension, ids, vectors);
    await this.call('upsert', ids, vectors.slice());
  }

  async remove(ids: readonly number[]): Promise<void> {
    await this.call('remove', ids);
  }

  async search(query: Float32Array, k: number): Promise<Neighbour[]> {
    checkQuery(this.dimension, query, k);
    // a copy: of a view its whole buffer would be sent
    const { ids, distances } = await this.call('search', query.slice(), k);
    return ids.map((id, i) => ({ id, score: Math.min(1, Math.max(-1, 1 - distances[i]!)) })).sort(byRank);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.end('it has been closed');
    // not terminate(): that aborts the process if hnswlib is at work
    this.worker.postMessage('end');
    await this.exited;
  }

  private call<Name extends keyof HnswCalls>(
    name: Name,
    ...values: Parameters<HnswCalls[Name]>
  ): Promise<ReturnType<HnswCalls[Name]>> {
    if (this.ended !== undefined) return Promise.reject(new MatvitError('INDEX_FAILED', this.ended));
    const request: HnswRequest = { call: ++this.calls, name, arguments: values };
    return new Promise((resolve, reject) => {
      this.pending.set(request.call, { resolve, reject });
      this.worker.postMessage(request);
    });
  }

  private end(reason: string): void {
    this.ended ??= reason;
    for (const { reject } of this.pending.values()) reject(new MatvitError('INDEX_FAILED', this.ended));
    this.pending.clear();
  }
}
