/** What the rest needs of an index, wherever it is: on this machine's disk (ImageIndex) or in PostgreSQL (PostgresIndex). */
import type { Catalogue } from '../catalogue/catalogue.js';
import type { Changes } from '../catalogue/changes.js';
import type { SearchOptions, SearchResult } from './paging.js';

/** To search in. */
export interface SearchableIndex {
  /** @param query [dimension], unit @throws OPTION_INVALID, VECTOR_INVALID, FILTER_INVALID, CURSOR_INVALID */
  search(query: Float32Array, options: SearchOptions): Promise<SearchResult>;
  /** Pictures to warm up with: absolute paths of files, at most `count`. */
  samples(count: number): Promise<string[]>;
  /** images in it */
  count(): Promise<number>;
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
