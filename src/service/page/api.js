/** The service's API, as the page uses it: by the package's own client. */
import { Client, Problem } from '/client.js';

/**
 * @typedef {import('../../client/client.js').Hit} Hit
 * @typedef {import('../../client/client.js').Cost} Cost
 * @typedef {import('../../client/client.js').SearchAnswer} SearchAnswer without cost where nothing was encoded
 * @typedef {SearchAnswer & { cost: Cost }} EncodedAnswer
 * @typedef {NonNullable<SearchAnswer['facets']>[string][number]} Facet
 * @typedef {import('../../client/client.js').Metadata} Metadata
 * @typedef {import('../../client/client.js').Image} Picture
 * @typedef {import('../../client/client.js').IndexStatus} IndexStatus
 * @typedef {import('../../client/client.js').Job} Job
 */

export { Problem };

/** A key, where one is needed, is in a cookie: keys.js. */
export const client = new Client();

/** @param {number} id */
export const picture = id => client.image(id);

/** @param {number} id */
export const thumbnailUrl = id => `/v1/images/${id}/thumbnail`;

/** @param {number} id */
export const thumbnail = id => client.thumbnail(id);
