/** Where the next page of a search begins. */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { MatvitError } from '../errors.js';
import { type Hit, type Place, byRank } from './nearest.js';

const cursorSchema = z.tuple([
  /** of the search that it goes on with */
  z.string(),
  /** hits on the pages before */
  z.int().nonnegative(),
  /** of the last of them: id, id of the vector, and score */
  z.int().positive(),
  z.int().positive(),
  z.number().min(-1.001).max(1.001), // a cosine, rounding included
]);

export interface Cursor extends Place {
  /** hits on the pages before */
  readonly offset: number;
}

/** @param search what all pages have in common */
export function printCursor(search: string, { offset, image, score }: Cursor): string {
  const fields: z.infer<typeof cursorSchema> = [digest(search), offset, image.id, image.vectorId, score];
  return Buffer.from(JSON.stringify(fields)).toString('base64url');
}

/** @throws CURSOR_INVALID */
export function parseCursor(search: string, cursor: string): Cursor {
  let fields: z.infer<typeof cursorSchema>;
  try {
    fields = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch (error) {
    throw new MatvitError('CURSOR_INVALID', 'it is not one that a search gave', { cause: error });
  }
  const [of, offset, id, vectorId, score] = fields;
  if (of !== digest(search))
    throw new MatvitError('CURSOR_INVALID', 'it belongs to a search with another filter, minScore or collapse');
  return { offset, image: { id, vectorId }, score };
}

/**
 * The rank after a cursor's hit, in hits that begin with the best. By its id, since the same query encoded again may
 * score a hair differently; by its score, if it is gone, or shows something else now and ranks anywhere.
 */
export function rankAfter(hits: readonly Hit[], cursor: Cursor): number {
  const { id, vectorId } = cursor.image;
  const rank = hits.findIndex(({ image }) => image.id === id && image.vectorId === vectorId);
  if (rank >= 0) return rank + 1;
  const next = hits.findIndex(hit => byRank(hit, cursor) > 0);
  return next < 0 ? hits.length : next;
}

/** by what searches have in common, filters among them */
const digests = new LRUCache<string, string>({
  maxSize: 4e6,
  sizeCalculation: (_, search) => 100 + 2 * search.length,
  memoMethod: search => createHash('sha256').update(search).digest('base64url').slice(0, 8),
});
const digest = (search: string): string => digests.memo(search);
