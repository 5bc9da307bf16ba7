/** The images nearest to a vector, among those that pass a filter. */
import { setImmediate } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Catalogue } from '../catalogue/catalogue.js';
import type { Filter } from '../catalogue/filter.js';
import type { Image } from '../catalogue/image.js';
import type { VectorRows } from '../catalogue/vector-rows.js';
import { checkQuery } from '../index/check.js';
import { scan } from '../index/scan.js';
import { TopK } from '../index/top-k.js';
import type { Neighbour, VectorIndex } from '../index/vector-index.js';
import { unhurried } from './unhurried.js';

export interface Hit {
  readonly image: Image;
  /** cosine similarity, -1 … 1 */
  readonly score: number;
  /** of a collapsed search: hits that rank lower and are near-duplicates of this one */
  readonly duplicates?: readonly Hit[];
}

/** A filter that this many pass, or fewer, is selective: looking at all of them takes milliseconds. */
export const selective = 4096;
/** Bytes of vectors that are kept for filters that come again. */
const keptBytes = 64e6;
const pageRows = 1024;

/** What passes a filter, as of a revision of the catalogue. */
interface Selection {
  readonly revision: number;
  /** undefined: too many */
  readonly rows: VectorRows | undefined;
}

/**
 * Counts what passes a filter first. Few: an exact scan over just those vectors. Many: the graph's nearest, wider and
 * wider until enough of them pass; and if what passes is far from the query, so that they do not, an exact scan too.
 * The answer is therefore as good as the graph's own, whatever the filter. (hnswlib can filter while it walks, but asks
 * JavaScript about each node: 2 to 59 ms a search, and it loses results when few nodes pass.)
 */
export class NearestImages {
  private readonly selections = new LRUCache<string, Selection>({
    maxSize: keptBytes,
    sizeCalculation: ({ rows }, key) =>
      1024 + 2 * key.length + (rows ? rows.vectors.byteLength + 8 * rows.ids.length : 0),
  });

  /** being read, by revision and filter */
  private readonly selecting = new Map<string, Promise<VectorRows | undefined>>();

  constructor(
    private readonly catalogue: Catalogue,
    private readonly graph: Pick<VectorIndex, 'search'>,
  ) {}

  /**
   * @param query [dimension], unit
   * @returns at least `count` images where there are as many, by rank
   * @throws VECTOR_INVALID
   */
  async find(query: Float32Array, count: number, minScore = -1, filter?: Filter): Promise<Hit[]> {
    checkQuery(this.catalogue.dimension, query, count);
    const rows = filter && (await this.selected(filter));
    if (rows) {
      const best = new TopK(count);
      scan(rows.ids, rows.vectors, query, best);
      return this.images(best.sorted(), minScore, filter);
    }
    // an unfiltered vector may have no image left, or have lost it just now
    const widest = filter ? Math.max(pageRows, 8 * count) : Infinity;
    for (let width = filter ? Math.max(64, 4 * count) : count; width <= widest; width *= filter ? 4 : 2) {
      const neighbours = await this.graph.search(query, width);
      const hits = this.images(neighbours, minScore, filter);
      if (hits.length >= count || (neighbours.at(-1)?.score ?? 1) < minScore) return hits;
      if (neighbours.length < width && !filter) return hits;
    }
    return this.images(await this.exactly(query, count, filter!), minScore, filter);
  }

  /** The vectors that pass a selective filter, read again only when the catalogue has changed, and by one search for all. */
  private async selected(filter: Filter): Promise<VectorRows | undefined> {
    const key = JSON.stringify(filter);
    const revision = this.catalogue.revision();
    const kept = this.selections.get(key);
    if (kept?.revision === revision) return kept.rows;
    const reading = `${revision} ${key}`;
    let selecting = this.selecting.get(reading);
    if (!selecting) {
      selecting = this.select(filter).finally(() => this.selecting.delete(reading));
      this.selecting.set(reading, selecting);
    }
    const rows = await selecting;
    this.selections.set(key, { revision, rows });
    return rows;
  }

  private async select(filter: Filter): Promise<VectorRows | undefined> {
    const ids = await this.matching(filter, selective);
    return ids && this.catalogue.vectorsOf(ids);
  }

  /** Reads page by page, and lets others have the thread in between. */
  private async exactly(query: Float32Array, count: number, filter: Filter): Promise<Neighbour[]> {
    const ids = (await this.matching(filter))!;
    const best = new TopK(count);
    for (let at = 0; at < ids.length; at += pageRows) {
      const rows = this.catalogue.vectorsOf(ids.slice(at, at + pageRows));
      scan(rows.ids, rows.vectors, query, best);
      await setImmediate();
    }
    return best.sorted();
  }

  /**
   * Ids of the vectors that pass a filter, ascending; undefined if more than `limit` do. Others have the thread in
   * between: reading the metadata of 100,000 images takes a third of a second.
   */
  private async matching(filter: Filter, limit = Infinity): Promise<number[] | undefined> {
    const ids = new Set<number>();
    for await (const some of unhurried(this.catalogue.vectorsMatching(filter))) {
      for (const id of some) ids.add(id);
      if (ids.size > limit) return undefined;
    }
    return [...ids].sort((a, b) => a - b);
  }

  private images(neighbours: readonly Neighbour[], minScore: number, filter?: Filter): Hit[] {
    const scores = scoresOf(neighbours, minScore);
    return hitsOf(this.catalogue.imagesOf([...scores.keys()], filter), scores);
  }
}

/** by id of the vector */
export const scoresOf = (neighbours: readonly Neighbour[], minScore: number): ReadonlyMap<number, number> =>
  new Map(neighbours.filter(({ score }) => score >= minScore).map(({ id, score }) => [id, score]));

/** Where a hit stands among others. */
export interface Place {
  readonly score: number;
  readonly image: Pick<Image, 'id' | 'vectorId'>;
}

/** Best first; equal scores as indexes choose among them, by ascending id of the vector; the same vector by id. */
export const byRank = (a: Place, b: Place): number =>
  b.score - a.score || a.image.vectorId - b.image.vectorId || a.image.id - b.image.id;

/** By rank. */
export const hitsOf = (images: readonly Image[], scores: ReadonlyMap<number, number>): Hit[] =>
  images.map(image => ({ image, score: scores.get(image.vectorId)! })).sort(byRank);
