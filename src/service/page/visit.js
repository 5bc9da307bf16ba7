/** This visit's queries, so that Back finds uploaded ones too: history.state holds the index. */

/** @typedef {import('./query.js').Query} Query */

/** @type {Query[]} */
const queries = [];
/** Tells this visit's states from those before a reload. */
const visit = performance.timeOrigin;

/** @param {Query} query */
const stateOf = query => ({ visit, query: queries.includes(query) ? queries.indexOf(query) : queries.push(query) - 1 });

/** What the full model answered may be otherwise by now. */
export function forgetReferences() {
  for (const { references } of queries) references.clear();
}

/** @param {Query | undefined} query @param {string} hash */
export const pushVisit = (query, hash) => history.pushState(query ? stateOf(query) : null, '', hash);

/** @param {Query | undefined} query @param {string} hash */
export const replaceVisit = (query, hash) => history.replaceState(query ? stateOf(query) : null, '', hash);

/** @param {unknown} state of the history @returns {Query | undefined} */
export function visited(state) {
  const left = /** @type {ReturnType<typeof stateOf> | null} */ (state);
  return left?.visit === visit ? queries[left.query] : undefined;
}
