/**
 * The HNSW graph over a catalogue's vectors: derived from it, following it, and made again when in doubt.
 *
 * Inserting a vector takes the graph a thousand times as long as committing it, so what has been committed is searched
 * exactly in a tail first, and moves into the graph in the background: a search sees each commit without waiting.
 */
import type { Catalogue } from '../catalogue/catalogue.js';
import { MatvitError } from '../errors.js';
import { ExactIndex } from '../index/exact.js';
import { HnswIndex } from '../index/hnsw.js';
import { type Reading, openSnapshot, saveSnapshot } from '../index/snapshot.js';
import { byRank } from '../index/top-k.js';
import type { Neighbour } from '../index/vector-index.js';

/** Errors of a snapshot that only mean that the graph must be made again. */
const doubtful: ReadonlySet<string> = new Set(['INDEX_MISSING', 'INDEX_CORRUPT', 'MODEL_MISMATCH']);

/** Vectors that the graph takes at a time, a search's wait: while there are searches, and in peace. */
const chunk = { busy: 1, idle: 64 };
/** Milliseconds since the last search after which nobody seems to be searching. */
const peace = 200;

/** Removed vectors keep their places in the graph until new ones take them: tolerated up to this many or this share. */
const tombstonesAllowed = { count: 1000, share: 0.25 };

export interface GraphStats {
  readonly vectors: number;
  /** removed vectors that still have their places */
  readonly deleted: number;
  /** committed, but searched exactly so far */
  readonly pending: number;
  /** revision of the snapshot, if there is one */
  readonly snapshot?: number;
}

export class DerivedGraph {
  /** committed, but not in the graph yet: by id, oldest first; and the same to search */
  private readonly pending = new Map<number, Float32Array>();
  private readonly tail: ExactIndex;
  /** one of each at a time, which all who need it wait for */
  private following: Promise<void> | undefined;
  private feeding: Promise<void> | undefined;
  private compacting: Promise<void> | undefined;
  /** until it is known whether the snapshot agrees with the catalogue, and while graphs change over */
  private paused = true;
  private failure: Error | undefined;
  private closed = false;
  /** made to be saved */
  private beside: DerivedGraph | undefined;
  private lastSearch = -Infinity;
  /** vectors added or removed since the snapshot */
  private changes = 0;
  /** Has the graph been made again since the snapshot? */
  private remade = false;

  private constructor(
    private readonly folder: string,
    private readonly catalogue: Catalogue,
    private graph: HnswIndex,
    /** of the catalogue, that graph and tail reflect */
    private revision: number,
    /** of the catalogue, that the snapshot reflects */
    private saved: number,
    /** why the snapshot was not used, if it was not */
    readonly rebuilt: string | undefined,
  ) {
    this.tail = new ExactIndex(catalogue.dimension);
  }

  /** From the snapshot in `folder` and the changes since; from the catalogue alone if it is missing or doubtful. */
  static async open(folder: string, catalogue: Catalogue, reading?: Promise<Reading>): Promise<DerivedGraph> {
    let why: string;
    try {
      const { index, revision } = await openSnapshot(folder, sourceOf(catalogue), reading);
      const graph = new DerivedGraph(folder, catalogue, index, revision, revision, undefined);
      if (await closeOnError(graph.agrees(), graph)) return graph.start();
      await graph.close();
      why = 'the graph does not hold what the catalogue holds';
    } catch (error) {
      if (!(error instanceof MatvitError) || !doubtful.has(error.code)) throw error;
      why = error.message;
    }
    const index = await HnswIndex.create(catalogue.dimension);
    const isNew = catalogue.revision() === 0;
    const graph = new DerivedGraph(folder, catalogue, index, 0, -1, isNew ? undefined : why);
    await closeOnError(graph.follow(), graph);
    return graph.start();
  }

  private start(): this {
    this.paused = false;
    this.feed();
    return this;
  }

  /** @throws VECTOR_INVALID */
  async search(query: Float32Array, k: number): Promise<Neighbour[]> {
    this.lastSearch = performance.now();
    await this.follow();
    const { graph } = this;
    if (graph.isDead) void this.compact(); // until it is there again, searches say what happened
    // both are asked at the same moment: what has left the tail by now is in the graph
    const [found, recent] = await Promise.all([graph.search(query, k), this.tail.search(query, k)]);
    if (recent.length === 0) return found;
    const ids = new Set(recent.map(({ id }) => id));
    return [...recent, ...found.filter(({ id }) => !ids.has(id))].sort(byRank).slice(0, k);
  }

  /** Is nobody searching? */
  get idle(): boolean {
    return performance.now() - this.lastSearch > peace;
  }

  /** Vectors that the next opening would have to replay. */
  get unsaved(): number {
    return this.rebuilt !== undefined && this.saved < 0 ? Infinity : this.changes;
  }

  /** The revision from which the next opening replays; -1 if there is no snapshot. */
  get watermark(): number {
    return this.saved;
  }

  async stats(): Promise<GraphStats> {
    const [vectors, deleted] = await Promise.all([this.graph.size(), this.graph.tombstones()]);
    return { vectors, deleted, pending: this.pending.size, ...(this.saved >= 0 && { snapshot: this.saved }) };
  }

  /** Takes up the catalogue's changes since the last call. */
  async follow(): Promise<void> {
    while (this.revision !== this.catalogue.revision()) {
      this.following ??= this.replay().finally(() => (this.following = undefined));
      await this.following;
    }
  }

  /** Until all vectors are in the graph. */
  async settle(): Promise<void> {
    await this.follow();
    while (this.feeding ?? (this.paused && this.compacting)) await (this.feeding ?? this.compacting);
    if (this.pending.size > 0) throw this.failure ?? closedError();
  }

  /** Writes the snapshot if it is behind, and returns the revision that it reflects. @throws STORAGE_FAILED, INDEX_FAILED */
  async save(): Promise<number> {
    await this.settle();
    await this.compactIfNeeded(); // what is stored is opened again and again
    await this.settle();
    if (this.closed) throw closedError();
    const { revision, changes } = this;
    if (revision !== this.saved || this.remade) {
      this.remade = false;
      await saveSnapshot(this.folder, this.graph, sourceOf(this.catalogue), revision);
      this.markSaved(revision, changes);
    }
    return revision;
  }

  /**
   * As `save`, but from a second graph that is made for it: this one goes on answering searches, which writing would hold
   * up. Takes the memory of both while it lasts.
   */
  async saveBeside(): Promise<number> {
    const { changes } = this;
    const copy = await DerivedGraph.open(this.folder, this.catalogue);
    this.beside = copy;
    if (this.closed) copy.halt();
    try {
      const revision = await copy.save();
      this.markSaved(revision, changes);
      return revision;
    } finally {
      this.beside = undefined;
      await copy.close();
    }
  }

  /** Makes no more of the graph, and begins no snapshot. */
  halt(): void {
    this.closed = true;
    this.beside?.halt();
  }

  async close(): Promise<void> {
    this.halt();
    await Promise.allSettled([this.following, this.feeding, this.compacting]);
    await this.graph.close();
  }

  private markSaved(revision: number, changes: number): void {
    this.saved = revision;
    this.changes -= Math.min(changes, this.changes);
  }

  private async replay(): Promise<void> {
    const { catalogue, revision } = this;
    const upTo = catalogue.revision();
    const forgotten = revision > 0 && revision < catalogue.horizon();
    await this.takeUp(revision, upTo);
    this.revision = upTo;
    this.feed();
    if (forgotten) void this.compact(); // vectors were removed that nobody can name any more
  }

  /** Adds what was added between two revisions to the tail, and removes what was removed. */
  private async takeUp(after: number, upTo: number): Promise<void> {
    const { catalogue } = this;
    const { dimension } = catalogue;
    for (const { ids, vectors } of catalogue.vectorsAdded(after, upTo)) {
      await this.tail.upsert(ids, vectors);
      ids.forEach((id, i) => this.pending.set(id, vectors.subarray(i * dimension, (i + 1) * dimension)));
      this.changes += ids.length;
    }
    const removed = catalogue.vectorsRemoved(after, upTo);
    if (removed.length === 0) return;
    for (const id of removed) this.pending.delete(id);
    await this.tail.remove(removed);
    this.changes += removed.length;
    void this.graph
      .remove(removed)
      .then(() => this.compactIfNeeded())
      .catch(() => undefined); // of a thread that has died; the next search says so
  }

  private feed(): void {
    this.feeding ??= this.moveTail()
      .catch((error: Error) => void (this.failure = error))
      .finally(() => (this.feeding = undefined));
  }

  /** Moves the tail into the graph, a chunk at a time. */
  private async moveTail(): Promise<void> {
    while (this.pending.size > 0 && !this.paused && !this.closed) {
      const rows = [...firstOf(this.pending, this.idle ? chunk.idle : chunk.busy)];
      const vectors = new Float32Array(rows.length * this.catalogue.dimension);
      rows.forEach(([, vector], i) => vectors.set(vector, i * vector.length));
      await this.graph.upsert(
        rows.map(([id]) => id),
        vectors,
      );
      const moved = rows.filter(([id, vector]) => this.pending.get(id) === vector).map(([id]) => id);
      for (const id of moved) this.pending.delete(id);
      await this.tail.remove(moved);
    }
  }

  private async compactIfNeeded(): Promise<void> {
    const [tombstones, size] = await Promise.all([this.graph.tombstones(), this.graph.size()]);
    if (tombstones > Math.max(tombstonesAllowed.count, tombstonesAllowed.share * size)) await this.compact();
    else await this.compacting;
  }

  /** Makes the graph again without tombstones, in another thread, and changes over to it. */
  async compact(): Promise<void> {
    if (this.closed) return;
    this.compacting ??= this.remake()
      .catch(() => undefined) // the old graph goes on
      .finally(() => (this.compacting = undefined));
    await this.compacting;
  }

  private async remake(): Promise<void> {
    const { catalogue, revision } = this;
    const fresh = await HnswIndex.create(catalogue.dimension);
    try {
      for (const { ids, vectors } of catalogue.vectorsAdded(0, revision)) {
        await fresh.upsert(ids, vectors);
        if (this.closed) throw closedError();
      }
      // what changed meanwhile goes through the tail once more
      this.paused = true;
      await this.feeding;
      await this.following;
      const old = this.graph;
      this.graph = fresh;
      this.remade = true;
      await this.takeUp(revision, this.revision);
      await old.size().catch(() => undefined); // it answers in order: the searches that were under way have been
      await old.close();
    } catch (error) {
      await fresh.close();
      throw error;
    } finally {
      this.paused = false;
      this.feed();
    }
  }

  /** Whether the graph of a snapshot, brought up to date, holds as many vectors as the catalogue. */
  private async agrees(): Promise<boolean> {
    for (;;) {
      if (this.revision > this.catalogue.revision()) return false; // the catalogue is an older copy
      await this.follow();
      const { revision, vectors } = this.catalogue.state();
      if (revision !== this.revision) continue;
      const ids = [...this.pending.keys()]; // some may be in the graph: it can be ahead of its revision
      const [size, known] = await Promise.all([this.graph.size(), this.graph.count(ids)]);
      return size + ids.length - known === vectors;
    }
  }
}

const closedError = () => new MatvitError('INDEX_FAILED', 'it has been closed');

/** Lets no thread live on behind an error. */
async function closeOnError<T>(done: Promise<T>, graph: DerivedGraph): Promise<T> {
  try {
    return await done;
  } catch (error) {
    await graph.close();
    throw error;
  }
}

function* firstOf<K, V>(map: ReadonlyMap<K, V>, count: number): Generator<[K, V]> {
  for (const entry of map) {
    if (count-- === 0) return;
    yield entry;
  }
}

const sourceOf = ({ dimension, fingerprint, id }: Catalogue) => ({ dimension, fingerprint, catalogue: id });
