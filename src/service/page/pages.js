/** The pages of an answer after its first. */
import { offerMore } from './more.js';

/**
 * @param {import('./api.js').SearchAnswer} found
 * @param {(cursor: string) => Promise<import('./api.js').SearchAnswer>} askFrom
 * @param {(hits: import('./api.js').Hit[]) => void} onHits
 * @param {(error: unknown) => void} fail
 */
export function offerPages({ next }, askFrom, onHits, fail) {
  if (next === undefined) {
    offerMore(undefined);
    return;
  }
  offerMore(async () => {
    const page = await askFrom(next).catch(error => {
      if (error.name !== 'AbortError') fail(error);
    });
    if (!page) return false;
    onHits(page.hits);
    offerPages(page, askFrom, onHits, fail);
    return true;
  });
}
