/** Pages of hits. */
import type { Facet } from '../catalogue/facets.js';
import type { Filter } from '../catalogue/filter.js';
import { MatvitError } from '../errors.js';
import { parseCursor, printCursor, rankAfter } from './cursor.js';
import type { Hit } from './nearest.js';

export interface PageOptions {
  /** hits on a page, a positive integer */
  readonly k: number;
  readonly filter?: Filter | undefined;
  /** cosine similarity that a hit has at least */
  readonly minScore?: number | undefined;
  /** hits to skip */
  readonly offset?: number | undefined;
  /** `next` of the page before; images added or removed in between shift nothing, unlike with `offset` */
  readonly cursor?: string | undefined;
  /** cosine similarity from which hits count as near-duplicates and are folded into the best of them; left out, none are */
  readonly collapse?: number | undefined;
}

export interface Page {
  /** best first; equal scores by the age of their vectors, the same vector by ascending id */
  readonly hits: Hit[];
  /** cursor of the next page; left out on the last one, and after 10,000 hits (2,000 with `collapse`) */
  readonly next?: string;
}

export interface SearchOptions extends PageOptions {
  /** fields whose values to count over all images that pass the filter, dots leading into objects */
  readonly facets?: readonly string[] | undefined;
}

export interface SearchResult extends Page {
  /** by field, in the order asked for */
  readonly facets?: Readonly<Record<string, readonly Facet[]>>;
}

/** Values of a field that facets list. */
export const facetValues = 20;

/**
 * Hits that cursors lead to, at most: each page searches for all those before it too, and anybody can write a cursor. Folding
 * compares each hit with those kept before it, so that takes the square of as many.
 */
const deepest = { plain: 10_000, folded: 2000 };

/**
 * @param find the best hits: at least as many as asked for, or all there are
 * @throws OPTION_INVALID, CURSOR_INVALID, and what `find` throws
 */
export async function page(options: PageOptions, find: (count: number) => Promise<Hit[]>): Promise<Page> {
  const { k, filter, minScore, collapse } = options;
  check(options);
  const search = JSON.stringify([filter, minScore, collapse]);
  const cursor = options.cursor === undefined ? undefined : parseCursor(search, options.cursor);
  const offset = cursor?.offset ?? options.offset ?? 0;
  const end = deepest[collapse === undefined ? 'plain' : 'folded'];
  const tooDeep = () => new MatvitError('CURSOR_INVALID', `pages end after ${end} hits`);
  if (cursor && offset > end) throw tooDeep();
  // one more than needed tells whether there is a next page
  const countFor = (start: number) => Math.min(start + k + 1, Number.MAX_SAFE_INTEGER);
  for (let count = countFor(offset); ;) {
    const found = await find(count);
    const start = cursor ? rankAfter(found, cursor) : offset;
    if (cursor && start > end) throw tooDeep();
    const stop = start + k;
    if (stop < found.length || found.length < count) {
      const hits = found.slice(start, stop);
      const last = hits.at(-1);
      if (!last || stop >= found.length || stop > end) return { hits };
      return { hits, next: printCursor(search, { offset: stop, ...last }) };
    }
    // better ones have come since the page before; or anybody wrote the cursor, so the searches are few and end
    count = Math.min(Math.max(countFor(start), 2 * count), countFor(end));
  }
}

function check({ k, minScore = 0, offset = 0, cursor }: PageOptions): void {
  const refuse = (reason: string): never => {
    throw new MatvitError('OPTION_INVALID', reason);
  };
  if (!Number.isSafeInteger(k) || k < 1) refuse(`k = ${k} is not a positive whole number`);
  if (!Number.isSafeInteger(offset) || offset < 0) refuse(`offset = ${offset} is not a whole number from 0`);
  if (!(minScore >= -1 && minScore <= 1)) refuse(`minScore = ${minScore} is not a cosine similarity, -1 to 1`);
  if (cursor !== undefined && offset > 0) refuse('a cursor says itself how many hits to skip; leave out the offset');
}
