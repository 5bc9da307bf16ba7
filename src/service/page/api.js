/** The service's API, as the page uses it. */

/**
 * @typedef {import('../../search/searcher.js').SearchAnswer['hits'][number]} Hit
 * @typedef {import('../../search/searcher.js').SearchAnswer['cost']} Cost
 * @typedef {{ value: null | boolean | number | string, count: number }} Facet
 * @typedef {{ hits: Hit[], next?: string, facets?: Record<string, Facet[]>, cost?: Cost }} SearchAnswer
 *   without cost where nothing was encoded
 * @typedef {SearchAnswer & { cost: Cost }} EncodedAnswer
 * @typedef {import('../../catalogue/image.js').Metadata} Metadata
 * @typedef {{ id: number, path: string, size: number, sha256: string, metadata: Metadata }} Picture
 * @typedef {{ images: number, engine: string, model: string }} Health
 * @typedef {{ p50: number, p95: number }} Quantiles
 * @typedef {object} Frontier
 * @property {{ at: string, relativeMacs: number, fidelity: { rbo: number }, predictedMs: { service: Quantiles } }[]} points
 * @property {Quantiles} answerMs
 * @property {number} waiting
 * @property {number} rate
 * @property {number} headroom
 * @property {number} [defaultBudgetMs]
 */

/** An answer that is an error (RFC 9457), or none at all. */
export class Problem extends Error {
  /** @param {{ title: string, detail?: string, code?: string }} problem */
  constructor({ title, detail = '', code = '' }) {
    super(title);
    this.detail = detail;
    this.code = code;
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @throws Problem, and AbortError if its signal says so
 */
export async function request(path, init) {
  const response = await fetch(path, init).catch(error => {
    if (error.name === 'AbortError') throw error;
    const detail = 'Check that matvit serve is running and try again';
    throw new Problem({ title: 'The server cannot be reached', detail, code: 'UNREACHABLE' });
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => undefined);
  const code = `HTTP_${response.status}`;
  throw new Problem(problem?.title ? problem : { title: `The server answered ${response.status}`, code });
}

/** @returns {Promise<Health>} */
export const health = async () => (await request('/healthz')).json();

/** @returns {Promise<Frontier>} */
export const frontier = async () => (await request('/v1/frontier')).json();

/** @param {number} id @returns {Promise<Picture>} */
export const picture = async id => (await request(`/v1/images/${id}`)).json();

/** @param {number} id */
export const thumbnailUrl = id => `/v1/images/${id}/thumbnail`;

/** @param {number} id */
export const thumbnail = async id => (await request(thumbnailUrl(id))).blob();
