/**
 * An index on disk, a folder of: `catalogue.sqlite` (the source of truth), `manifest.json` and `graph-….hnsw` (a
 * snapshot of the graph over the catalogue's vectors, made again whenever it is missing or doubtful), and lock files.
 */
import { mkdirSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Catalogue } from '../catalogue/catalogue.js';
import { type Facet, FacetCounts } from '../catalogue/facets.js';
import type { Changes } from '../catalogue/changes.js';
import type { Image } from '../catalogue/image.js';
import type { Model } from '../catalogue/identity.js';
import type { Filter } from '../catalogue/filter.js';
import { fieldPath } from '../catalogue/parse-filter.js';
import { type WriteLock, waitForWriteLock } from '../catalogue/write-lock.js';
import { MatvitError, storageFailed } from '../errors.js';
import type { PictureSource } from '../image/open.js';
import { discard, readSnapshot } from '../index/snapshot.js';
import { DerivedGraph } from './derived-graph.js';
import { collapsing } from './duplicates.js';
import { Familiarity } from './familiarity.js';
import { type ListOptions, type ListPage, listImages } from './listing.js';
import { NearestImages } from './nearest.js';
import { removeLaterSnapshot } from './older-copy.js';
import { type SearchOptions, type SearchResult, facetValues, page } from './paging.js';
import type { IndexStats, SearchableIndex, WritableIndex } from './ports.js';
import { unhurried } from './unhurried.js';

/** Changes after which a snapshot is due: as a share of the vectors, so that writing them all costs a few times one. */
const snapshotAfter = { count: 2000, share: 0.2 };

/** Characters of a field's values that are held to be counted. */
const facetText = 32e6;

/** Every method @throws CATALOGUE_CORRUPT, STORAGE_FAILED, INDEX_FAILED */
export class ImageIndex implements SearchableIndex, WritableIndex {
  private readonly nearest: NearestImages;
  private readonly surroundings: Familiarity;

  private constructor(
    readonly folder: string,
    readonly catalogue: Catalogue,
    private readonly graph: DerivedGraph,
    /** the right to write, if it is held for as long as the index is open */
    private readonly lock: WriteLock | undefined,
  ) {
    this.nearest = new NearestImages(catalogue, graph);
    this.surroundings = new Familiarity({
      size: () => catalogue.state().vectors,
      sample: count => catalogue.sample(count),
      search: (query, k) => graph.search(query, k),
    });
  }

  private saving: Promise<void> | undefined;
  private readonly closing = new AbortController();

  /** Any number of readers, while a writer writes. @throws INDEX_MISSING, FILE_UNREADABLE, MODEL_MISMATCH */
  static async openForReading(folder: string, model: Model): Promise<ImageIndex> {
    return ImageIndex.open(folder, () => Catalogue.openForReading(catalogueIn(folder), model), { commits: false });
  }

  /**
   * For servers: reads, and takes the right to write for each commit alone, so that `matvit index` and other servers may
   * write in between. Creates what is missing. @throws MODEL_MISMATCH
   */
  static async openShared(folder: string, model: Model): Promise<ImageIndex> {
    makeFolder(folder);
    return ImageIndex.open(folder, () => Catalogue.openForWriting(catalogueIn(folder), model), { commits: true });
  }

  /** One writer at a time; creates what is missing. @throws INDEX_LOCKED, MODEL_MISMATCH */
  static async openForWriting(folder: string, model: Model): Promise<ImageIndex> {
    makeFolder(folder);
    const lock = await waitForWriteLock(folder);
    try {
      const open = () => Catalogue.openForWriting(catalogueIn(folder), model);
      return await ImageIndex.open(folder, open, { commits: true, lock });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private static async open(
    folder: string,
    openCatalogue: () => Catalogue,
    { commits, lock }: { readonly commits: boolean; readonly lock?: WriteLock },
  ): Promise<ImageIndex> {
    const reading = readSnapshot(folder);
    await Promise.allSettled([reading]); // a thread reads the graph while SQLite checks the catalogue in this one
    let catalogue: Catalogue | undefined;
    try {
      catalogue = openCatalogue();
      if (commits) await removeLaterSnapshot(folder, catalogue);
      return new ImageIndex(folder, catalogue, await DerivedGraph.open(folder, catalogue, reading), lock);
    } catch (error) {
      catalogue?.close();
      await discard(reading);
      throw error;
    }
  }

  /** Why the graph was made again from the catalogue when the index was opened, if it was. */
  get rebuilt(): string | undefined {
    return this.graph.rebuilt;
  }

  get cacheFolder(): string {
    return this.folder;
  }

  get dimension(): number {
    return this.catalogue.dimension;
  }

  /**
   * The images most similar to a vector. Sees every commit, of other processes too.
   * @param query [dimension], unit
   * @throws VECTOR_INVALID, FILTER_INVALID (a facet that is no field), CURSOR_INVALID
   */
  async search(query: Float32Array, options: SearchOptions): Promise<SearchResult> {
    const { filter, minScore, facets, collapse } = options;
    const counts: [string, Facet[]][] = [];
    for (const name of facets ?? []) counts.push([name, await this.facet(fieldPath(name), filter)]);
    const find = (count: number) => this.nearest.find(query, count, minScore, filter);
    const found = await page(options, collapse === undefined ? find : collapsing(find, this.vectorsOf, collapse));
    return { ...found, ...(facets && { facets: Object.fromEntries(counts) }) };
  }

  /** As Catalogue.facet, but others have the thread in between: it looks at every picture. */
  private async facet(path: readonly string[], filter?: Filter): Promise<Facet[]> {
    const counts = new FacetCounts();
    for await (const rows of unhurried(this.catalogue.facetRows(path, filter))) {
      counts.add(rows);
      if (counts.length > facetText) return this.catalogue.facet(path, facetValues, filter); // which SQLite may put on disk
    }
    return counts.first(facetValues);
  }

  familiarity(best: number): Promise<number | undefined> {
    return this.surroundings.of(best);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- so that a refusal is a rejection
  async image(id: number): Promise<Image | undefined> {
    return this.catalogue.image(id);
  }

  list(options: ListOptions): Promise<ListPage> {
    const imagesAfter = async (id: number, limit: number, filter?: Filter) => {
      if (!filter) return this.catalogue.imagesAfter(id, limit);
      const images: Image[] = [];
      for await (const some of unhurried(this.catalogue.imagesMatching(id, limit, filter))) images.push(...some);
      return images;
    };
    return listImages({ imagesAfter, count: filter => this.count(filter) }, options);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- so that a refusal is a rejection
  async embedding(image: Image): Promise<Float32Array> {
    return this.catalogue.embedding(image);
  }

  async samples(count: number): Promise<PictureSource[]> {
    return Promise.all(this.catalogue.imagesAfter(0, count).map(image => this.picture(image)));
  }

  async count(filter?: Filter): Promise<number> {
    if (!filter) return this.catalogue.state().images;
    let sum = 0;
    for await (const count of unhurried(this.catalogue.countMatching(filter))) sum += count;
    return sum;
  }

  /** The picture itself: where its file is, or its bytes if the catalogue stores them. */
  // eslint-disable-next-line @typescript-eslint/require-await -- so that a refusal is a rejection
  async picture(image: Image): Promise<PictureSource> {
    return this.catalogue.bytes(image) ?? join(this.catalogue.root ?? '', image.path);
  }

  /** Durable when it returns, and in the next search. @throws VECTOR_INVALID, INDEX_LOCKED */
  async commit(changes: Changes): Promise<void> {
    await this.write(catalogue => catalogue.commit(changes));
  }

  /** Runs `action` with the right to write; what it commits is in the next search. @throws INDEX_LOCKED */
  async write<T>(action: (catalogue: Catalogue) => T): Promise<T> {
    const lock = this.lock ?? (await waitForWriteLock(this.folder));
    let result: T;
    try {
      result = action(this.catalogue);
    } finally {
      if (!this.lock) lock.release();
    }
    await this.graph.follow();
    this.saveIfDue();
    return result;
  }

  /** @throws STORAGE_FAILED */
  async stats(): Promise<Required<IndexStats>> {
    const { catalogue, folder } = this;
    const [graph, bytes] = await Promise.all([this.graph.stats(), sizes(folder)]);
    return { ...catalogue.state(), stored: catalogue.stored(), graph, bytes };
  }

  /** Writes the graph, so that the next opening need not make it again; unless another process is writing it. */
  async save(): Promise<void> {
    await this.saving;
    await this.saveGraph(this.saveGraphNow).catch((error: unknown) => {
      if (!(error instanceof MatvitError) || error.code !== 'INDEX_LOCKED') throw error;
    });
  }

  /** Makes the graph again without what was deleted; happens by itself when deletions pile up. */
  async compact(): Promise<void> {
    await this.graph.compact();
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- so that a refusal is a rejection
  private readonly vectorsOf = async (ids: readonly number[]) => this.catalogue.vectorsOf(ids);

  private readonly saveGraphNow = () => (this.graph.idle ? this.graph.save() : this.graph.saveBeside());

  private saveIfDue(): void {
    const { unsaved } = this.graph;
    if (this.saving || unsaved < snapshotAfter.count) return;
    if (unsaved < snapshotAfter.share * this.catalogue.state().vectors) return;
    // what cannot be saved now will be tried again, or replayed by the next opening
    this.saving = this.saveGraph(this.saveGraphNow)
      .catch(() => undefined)
      .finally(() => (this.saving = undefined));
  }

  /**
   * One process at a time. What was removed before the snapshot that is replaced need not be listed any more: nobody
   * replays from there, but a reader that has not looked since.
   */
  private async saveGraph(save: () => Promise<unknown>): Promise<void> {
    const lock = await waitForWriteLock(this.folder, 'snapshot', 30_000, this.closing.signal);
    try {
      const { watermark } = this.graph;
      await save();
      if (watermark < 0 || watermark === this.graph.watermark) return;
      const right = this.lock ?? (await waitForWriteLock(this.folder));
      try {
        this.catalogue.commit({ forget: watermark });
      } finally {
        if (!this.lock) right.release();
      }
    } finally {
      lock.release();
    }
  }

  /** Loses nothing that was committed, even without a save: one that is being written is finished, no other. */
  async close(): Promise<void> {
    this.closing.abort();
    this.graph.halt();
    await this.saving;
    await this.graph.close();
    this.catalogue.close();
    this.lock?.release();
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw storageFailed(folder, error);
  }
}

const catalogueIn = (folder: string) => join(folder, 'catalogue.sqlite');

/** Bytes of the files of an index. */
async function sizes(folder: string): Promise<Required<IndexStats>['bytes']> {
  const bytes = { catalogue: 0, graph: 0 };
  for (const name of await readdir(folder)) {
    const part = name.startsWith('catalogue.sqlite') ? 'catalogue' : name.startsWith('graph') ? 'graph' : undefined;
    // a snapshot may be replaced in this moment
    if (part) bytes[part] += (await stat(join(folder, name)).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
}
