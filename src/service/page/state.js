/** What is asked now, and how: as the address and the history of the browser have it. */
import { hashOf, readAddress } from './address.js';
import { pushVisit, replaceVisit } from './visit.js';

/**
 * @typedef {import('./address.js').Address & {
 *   query: import('./query.js').Query | undefined,
 *   hasChoice: boolean,
 * }} State `hasChoice`: are there points for a budget to choose from?
 */

/** @type {State} */
let now = { ...readAddress(), query: undefined, hasChoice: false };

export const state = () => now;

/** @param {Partial<State>} part */
export const setState = part => void (now = { ...now, ...part });

function hash() {
  const [first] = now.query?.examples ?? [];
  const [like, sample] = first?.blob ? [undefined, first.id] : [first?.id, undefined];
  return hashOf({ ...now, like, sample });
}

/** A step that Back takes back. */
export const pushState = () => pushVisit(now.query, hash());

/** The same step, asked in another way. */
export const replaceState = () => replaceVisit(now.query, hash());
