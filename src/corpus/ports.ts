/** What the rest needs of an index, wherever it is: on this machine's disk (ImageIndex) or in PostgreSQL (PostgresIndex). */
import type { Catalogue } from '../catalogue/catalogue.js';
import type { Changes } from '../catalogue/changes.js';
import type { Image } from '../catalogue/image.js';
import type { PictureSource } from '../image/open.js';
import type { GraphStats } from './derived-graph.js';
import type { ListOptions, ListPage } from './listing.js';
import type { SearchOptions, SearchResult } from './paging.js';

export interface IndexStats {
  readonly images: number;
  /** distinct contents */
  readonly vectors: number;
  /** images that were added by themselves */
  readonly stored: number;
  /** of an index on disk: changes, the graph, bytes on disk */
  readonly revision?: number;
  readonly graph?: GraphStats;
  readonly bytes?: { readonly catalogue: number; readonly graph: number };
}

/** To search in. Every method @throws what its adapter does when its storage fails */
export interface SearchableIndex {
  /** where it is, for people */
  readonly folder: string;
  /** a folder on this machine for what can be made again, if it has one */
  readonly cacheFolder: string | undefined;
  /** numbers in a vector */
  readonly dimension: number;
  /** @param query [dimension], unit @throws OPTION_INVALID, VECTOR_INVALID, FILTER_INVALID, CURSOR_INVALID */
  search(query: Float32Array, options: SearchOptions): Promise<SearchResult>;
  /** See familiarity.ts. @param best score of a query's best hit, had it been encoded by the full model */
  familiarity(best: number): Promise<number | undefined>;
  image(id: number): Promise<Image | undefined>;
  /** Images in the order in which they were added. @throws CURSOR_INVALID */
  list(options: ListOptions): Promise<ListPage>;
  /** The vector of an image, [dimension], unit. @throws NOT_FOUND if it has been deleted since */
  embedding(image: Image): Promise<Float32Array>;
  /** The picture itself: the path of its file, or its bytes. */
  picture(image: Image): Promise<PictureSource>;
  /** Pictures to warm up with, at most `count`. */
  samples(count: number): Promise<PictureSource[]>;
  /** images in it */
  count(): Promise<number>;
  stats(): Promise<IndexStats>;
  close(): Promise<void>;
}

/** What an indexing run has to know before it begins. */
export type KnownPictures = Pick<Catalogue, 'fingerprint' | 'root' | 'images' | 'hasVector'>;

/** To bring up to date with a folder. */
export interface WritableIndex {
  /** where it is, for errors */
  readonly folder: string;
  readonly catalogue: KnownPictures;
  /** Durable when it returns, and in the next search. @throws VECTOR_INVALID */
  commit(changes: Changes): Promise<void>;
  /** Writes what makes the next opening faster, if anything. */
  save(): Promise<void>;
  close(): Promise<void>;
}
