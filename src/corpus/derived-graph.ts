/** The HNSW graph over a catalogue's vectors: derived from it, following it, and made again when in doubt. */
import type { Catalogue } from '../catalogue/catalogue.js';
import { MatvitError } from '../errors.js';
import { HnswIndex } from '../index/hnsw.js';
import { openSnapshot, saveSnapshot } from '../index/snapshot.js';
import type { Neighbour } from '../index/vector-index.js';

/** Errors of a snapshot that only mean that the graph must be made again. */
const doubtful: ReadonlySet<string> = new Set(['INDEX_MISSING', 'INDEX_CORRUPT', 'MODEL_MISMATCH']);

export class DerivedGraph {
  /** one catch-up at a time, which all who need it wait for */
  private catchingUp: Promise<void> | undefined;

  private constructor(
    private readonly folder: string,
    private readonly catalogue: Catalogue,
    private readonly graph: HnswIndex,
    /** of the catalogue, that the graph reflects */
    private revision: number,
    /** of the catalogue, that the snapshot reflects */
    private saved: number,
    /** why the snapshot was not used, if it was not */
    readonly rebuilt: string | undefined,
  ) {}

  /** From the snapshot in `folder` and the changes since; from the catalogue alone if it is missing or doubtful. */
  static async open(folder: string, catalogue: Catalogue): Promise<DerivedGraph> {
    let why: string;
    try {
      const { index, revision } = await openSnapshot(folder, sourceOf(catalogue));
      const graph = new DerivedGraph(folder, catalogue, index, revision, revision, undefined);
      if (await graph.agrees()) return graph;
      await graph.close();
      why = 'the graph does not hold what the catalogue holds';
    } catch (error) {
      if (!(error instanceof MatvitError) || !doubtful.has(error.code)) throw error;
      why = error.message;
    }
    const index = await HnswIndex.create(catalogue.dimension);
    const isNew = catalogue.revision() === 0;
    const graph = new DerivedGraph(folder, catalogue, index, 0, -1, isNew ? undefined : why);
    await closeOnError(graph.catchUp(), graph);
    return graph;
  }

  /** @throws VECTOR_INVALID */
  async search(query: Float32Array, k: number): Promise<Neighbour[]> {
    await this.catchUp();
    return this.graph.search(query, k);
  }

  /** Replays the catalogue's changes since the graph's revision. */
  async catchUp(): Promise<void> {
    while (this.revision !== this.catalogue.revision()) {
      this.catchingUp ??= this.replay().finally(() => (this.catchingUp = undefined));
      await this.catchingUp;
    }
  }

  /** Writes the snapshot if it is behind. @throws STORAGE_FAILED */
  async save(): Promise<void> {
    await this.catchUp();
    const { revision } = this;
    if (revision === this.saved) return;
    await saveSnapshot(this.folder, this.graph, sourceOf(this.catalogue), revision);
    this.saved = revision;
  }

  close(): Promise<void> {
    return this.graph.close();
  }

  private async replay(): Promise<void> {
    const { catalogue, graph, revision } = this;
    const upTo = catalogue.revision();
    for (const { ids, vectors } of catalogue.vectorsAdded(revision, upTo)) await graph.upsert(ids, vectors);
    await graph.remove(catalogue.vectorsRemoved(revision, upTo));
    this.revision = upTo;
  }

  /** Whether the graph of a snapshot, caught up, holds as many vectors as the catalogue. */
  private async agrees(): Promise<boolean> {
    for (;;) {
      if (this.revision > this.catalogue.revision()) return false; // the catalogue is an older copy
      await closeOnError(this.catchUp(), this);
      const { revision, vectors } = this.catalogue.state();
      if (revision === this.revision) return (await this.graph.size()) === vectors;
    }
  }
}

/** Lets no thread live on behind an error. */
async function closeOnError(done: Promise<void>, graph: DerivedGraph): Promise<void> {
  try {
    await done;
  } catch (error) {
    await graph.close();
    throw error;
  }
}

const sourceOf = ({ dimension, fingerprint, id }: Catalogue) => ({ dimension, fingerprint, catalogue: id });
