/**
 * An index on disk, a folder of: `catalogue.sqlite` (the source of truth), `manifest.json` and `graph-….hnsw` (a
 * snapshot of the graph over the catalogue's vectors, made again whenever it is missing or doubtful), `writer.lock`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Catalogue } from '../catalogue/catalogue.js';
import type { Changes } from '../catalogue/changes.js';
import type { Image } from '../catalogue/image.js';
import type { Model } from '../catalogue/open.js';
import { type WriteLock, acquireWriteLock } from '../catalogue/write-lock.js';
import { MatvitError, reasonOf } from '../errors.js';
import { DerivedGraph } from './derived-graph.js';

export interface Hit {
  readonly image: Image;
  /** cosine similarity, -1 … 1 */
  readonly score: number;
}

/** Every method @throws CATALOGUE_CORRUPT, STORAGE_FAILED, INDEX_FAILED */
export class ImageIndex {
  private constructor(
    readonly folder: string,
    readonly catalogue: Catalogue,
    private readonly graph: DerivedGraph,
    private readonly lock: WriteLock | undefined,
  ) {}

  /** Any number of readers, while a writer writes. @throws INDEX_MISSING, MODEL_MISMATCH */
  static async openForReading(folder: string, model: Model): Promise<ImageIndex> {
    return ImageIndex.open(folder, Catalogue.openForReading(catalogueIn(folder), model), undefined);
  }

  /** One writer at a time; creates what is missing. @throws INDEX_LOCKED, MODEL_MISMATCH */
  static async openForWriting(folder: string, model: Model): Promise<ImageIndex> {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw new MatvitError('STORAGE_FAILED', `${folder}: ${reasonOf(error)}`, { cause: error });
    }
    const lock = acquireWriteLock(folder);
    try {
      return await ImageIndex.open(folder, Catalogue.openForWriting(catalogueIn(folder), model), lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private static async open(folder: string, catalogue: Catalogue, lock: WriteLock | undefined): Promise<ImageIndex> {
    try {
      return new ImageIndex(folder, catalogue, await DerivedGraph.open(folder, catalogue), lock);
    } catch (error) {
      catalogue.close();
      throw error;
    }
  }

  /** Why the graph was made again from the catalogue when the index was opened, if it was. */
  get rebuilt(): string | undefined {
    return this.graph.rebuilt;
  }

  /**
   * The k images most similar to a vector, best first; equal scores by ascending id. Sees every commit, of other
   * processes too.
   * @param query [dimension], unit
   * @throws VECTOR_INVALID
   */
  async search(query: Float32Array, k: number): Promise<Hit[]> {
    // wider, while images are short: a vector may have lost its images just now, or in an indexing that was cut off
    for (let width = k; ; width *= 2) {
      const neighbours = await this.graph.search(query, width);
      const scores = new Map(neighbours.map(({ id, score }) => [id, score]));
      const hits = this.catalogue
        .imagesOf([...scores.keys()])
        .map(image => ({ image, score: scores.get(image.vectorId)! }))
        .sort((a, b) => b.score - a.score || a.image.id - b.image.id);
      if (hits.length >= k || neighbours.length < width) return hits.slice(0, k);
    }
  }

  /** Writers only: durable when it returns, and in the graph too. @throws VECTOR_INVALID */
  async commit(changes: Changes): Promise<void> {
    this.catalogue.commit(changes);
    await this.graph.catchUp();
  }

  /** Writers only: writes the graph, so that the next opening need not make it again. */
  async save(): Promise<void> {
    await this.graph.save();
  }

  /** Loses nothing that was committed, even without a save. */
  async close(): Promise<void> {
    await this.graph.close();
    this.catalogue.close();
    this.lock?.release();
  }
}

const catalogueIn = (folder: string) => join(folder, 'catalogue.sqlite');
