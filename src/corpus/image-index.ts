/**
 * An index on disk, a folder of: `catalogue.sqlite` (the source of truth), `manifest.json` and `graph-….hnsw` (a
 * snapshot of the graph over the catalogue's vectors, made again whenever it is missing or doubtful), `writer.lock`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Catalogue } from '../catalogue/catalogue.js';
import type { Changes } from '../catalogue/changes.js';
import type { Facet } from '../catalogue/facets.js';
import type { Model } from '../catalogue/identity.js';
import { fieldPath } from '../catalogue/parse-filter.js';
import { type WriteLock, acquireWriteLock } from '../catalogue/write-lock.js';
import { MatvitError, reasonOf } from '../errors.js';
import { DerivedGraph } from './derived-graph.js';
import { NearestImages } from './nearest.js';
import { type Page, type PageOptions, page } from './paging.js';

export interface SearchOptions extends PageOptions {
  /** fields whose values to count over all images that pass the filter, dots leading into objects */
  readonly facets?: readonly string[] | undefined;
}

export interface SearchResult extends Page {
  /** by field, in the order asked for */
  readonly facets?: Readonly<Record<string, readonly Facet[]>>;
}

/** Values of a field that facets list. */
const facetValues = 20;

/** Every method @throws CATALOGUE_CORRUPT, STORAGE_FAILED, INDEX_FAILED */
export class ImageIndex {
  private readonly nearest: NearestImages;

  private constructor(
    readonly folder: string,
    readonly catalogue: Catalogue,
    private readonly graph: DerivedGraph,
    private readonly lock: WriteLock | undefined,
  ) {
    this.nearest = new NearestImages(catalogue, graph);
  }

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
   * The images most similar to a vector. Sees every commit, of other processes too.
   * @param query [dimension], unit
   * @throws VECTOR_INVALID, FILTER_INVALID (a facet that is no field), CURSOR_INVALID
   */
  async search(query: Float32Array, options: SearchOptions): Promise<SearchResult> {
    const { filter, minScore, facets } = options;
    const counts = facets?.map(name => [name, this.catalogue.facet(fieldPath(name), facetValues, filter)] as const);
    const found = await page(options, count => this.nearest.find(query, count, minScore, filter));
    return { ...found, ...(counts && { facets: Object.fromEntries(counts) }) };
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
