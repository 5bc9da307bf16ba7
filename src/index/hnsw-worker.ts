/**
 * The thread that holds an HNSW graph (Malkov & Yashunin, arXiv 1603.09320): hnswlib's calls are synchronous, so they
 * would stop the event loop. Messages are answered one after the other, in order.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import hnswlib from 'hnswlib-node';
import { reasonOf } from '../errors.js';

/** Links a node, and candidates looked at while inserting: hnswlib's recommendation for hundreds of dimensions. */
const linksPerNode = 16;
const efConstruction = 200;
/** Candidates looked at while searching; recall@10 was 1.000 here on clustered vectors, 0.997 with half of it. */
const efSearch = 64;
const firstCapacity = 1024;

/** A graph in a file. */
export interface StoredGraph {
  readonly dimension: number;
  /** vectors that are not deleted */
  readonly count: number;
  readonly bytes: number;
  /** of the file, hexadecimal */
  readonly sha256: string;
}

/** What the thread can be asked, and what it answers. */
export interface HnswCalls {
  create: (dimension: number) => void;
  load: (file: string, graph: StoredGraph) => void;
  upsert: (ids: readonly number[], vectors: Float32Array) => void;
  remove: (ids: readonly number[]) => void;
  search: (query: Float32Array, k: number) => { ids: number[]; distances: number[] };
  size: () => number;
  tombstones: () => number;
  count: (ids: readonly number[]) => number;
  write: (file: string) => number;
}

export interface HnswRequest {
  readonly call: number;
  readonly name: keyof HnswCalls;
  readonly arguments: readonly unknown[];
}

export interface HnswReply {
  readonly call: number;
  readonly value?: unknown;
  readonly error?: string;
}

let graph: hnswlib.HierarchicalNSW;
/** Labels in the graph, deleted ones too; may still hold labels whose place another vector took since. */
let labels = new Set<number>();
let deleted = 0;

const calls: HnswCalls = {
  create(dimension) {
    graph = new hnswlib.HierarchicalNSW('ip', dimension); // of unit vectors: cosine
    graph.initIndex(firstCapacity, linksPerNode, efConstruction, 100, true);
  },

  load(file, { dimension, count, bytes, sha256 }) {
    checkFile(file, bytes, sha256);
    graph = new hnswlib.HierarchicalNSW('ip', dimension);
    graph.readIndexSync(file, true);
    labels = new Set(graph.getIdsList());
    deleted = graph.getCurrentCount() - count;
    if (labels.size === 0) calls.create(dimension); // hnswlib reads an empty graph back with no capacity to double
  },

  upsert(ids, vectors) {
    const dimension = graph.getNumDimensions();
    ids.forEach((id, i) => {
      // hnswlib takes plain arrays only: 7 µs of an insertion's 124
      const vector = Array.from(vectors.subarray(i * dimension, (i + 1) * dimension));
      const revived = labels.has(id) && attempt(() => graph.unmarkDelete(id));
      if (revived) deleted--;
      const known = revived || (labels.has(id) && attempt(() => graph.getPoint(id)));
      const reuse = !known && deleted > 0;
      if (!known && !reuse && graph.getCurrentCount() === graph.getMaxElements())
        graph.resizeIndex(2 * graph.getMaxElements());
      graph.addPoint(vector, id, reuse);
      labels.add(id);
      if (reuse) deleted--;
    });
    if (labels.size > 2 * graph.getCurrentCount() + 1000) labels = new Set(graph.getIdsList());
  },

  remove(ids) {
    for (const id of ids) if (labels.has(id) && attempt(() => graph.markDelete(id))) deleted++;
  },

  search(query, k) {
    const wanted = Math.min(k, calls.size());
    if (wanted === 0) return { ids: [], distances: [] };
    graph.setEf(Math.max(efSearch, 2 * wanted));
    const { neighbors, distances } = graph.searchKnn(Array.from(query), wanted);
    return { ids: neighbors, distances };
  },

  size: () => graph.getCurrentCount() - deleted,

  tombstones: () => deleted,

  count: ids => ids.filter(id => labels.has(id) && attempt(() => graph.getPoint(id))).length,

  write(file) {
    graph.writeIndexSync(file);
    return calls.size();
  },
};

function checkFile(file: string, bytes: number, sha256: string): void {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    if (size !== bytes) throw new Error(`it has ${size} bytes, not ${bytes}`);
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(1 << 20);
    for (let read; (read = readSync(descriptor, chunk)) > 0;) hash.update(chunk.subarray(0, read));
    if (hash.digest('hex') !== sha256) throw new Error('it does not fit its checksum');
  } finally {
    closeSync(descriptor);
  }
}

/** hnswlib throws where a label is unknown, already deleted, or not deleted. */
function attempt(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

parentPort!.on('message', (request: HnswRequest | 'end') => {
  if (request === 'end') {
    parentPort!.close();
    return;
  }
  const { call, name, arguments: values } = request;
  let reply: HnswReply;
  try {
    const answer = calls[name] as (...values: readonly unknown[]) => unknown;
    reply = { call, value: answer(...values) };
  } catch (error) {
    reply = { call, error: reasonOf(error) };
  }
  parentPort!.postMessage(reply);
});
