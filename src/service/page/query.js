/** What is searched with: pictures that hits should be like, and pictures that they should not be like. */
import { Problem, client } from './api.js';

/**
 * @typedef {{ x: number, y: number, width: number, height: number }} Crop shares of the upright picture
 * @typedef {object} Example
 * @property {Blob} [blob] a picture to encode
 * @property {number} [id] of the index: its vector is known, unless there is a blob, which is encoded instead
 * @property {string} [url] of a picture that the server fetches
 * @property {string} name
 * @property {Crop | undefined} [crop] the part that matters
 * @property {number} weight negative for what hits should not be like
 *
 * @typedef {object} Query
 * @property {readonly Example[]} examples the first is the picture that is shown large
 * @property {Map<string, import('./api.js').EncodedAnswer>} references answers of the full model, by what was asked
 *
 * @typedef {object} Asking
 * @property {number} k
 * @property {string} [at] operating point
 * @property {number} [budgetMs]
 * @property {number} [minScore]
 * @property {boolean} [collapse] fold near-duplicates?
 * @property {object} [filter]
 * @property {string[]} [facets]
 * @property {string} [cursor]
 */

/** @param {readonly Example[]} examples @returns {Query} */
export const queryOf = examples => ({ examples, references: new Map() });

/**
 * One picture goes as it is; anything else as JSON.
 * @param {Query} query
 * @param {Asking} asking
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./api.js').SearchAnswer>}
 */
export async function search({ examples }, asking, signal) {
  const [first] = examples;
  for (const { blob } of examples)
    if (blob?.size === 0)
      throw new Problem({ title: 'The picture is empty', detail: 'the file has no bytes', code: 'IMAGE_EMPTY' });
  if (first?.blob && examples.length === 1 && first.weight > 0) {
    const { blob, crop } = first;
    return client.search(blob, { ...asking, ...(crop && { crop }) }, { signal }).catch(error => explain(error, blob));
  }
  const sides = await Promise.all(examples.map(asJson));
  const like = sides.filter((_, i) => Number(examples[i]?.weight) > 0);
  const unlike = sides.filter((_, i) => Number(examples[i]?.weight) < 0);
  return client.search({ like, unlike, ...asking }, {}, { signal });
}

/** @param {Example} example */
async function asJson({ blob, id, url, crop, weight }) {
  const source = blob ? { image: await base64(blob) } : url === undefined ? { id } : { url };
  return { ...source, ...(crop && { crop }), weight: Math.abs(weight) };
}

/**
 * A file that has been changed since it was chosen cannot be sent, which looks as if the server were gone.
 * @param {unknown} error
 * @param {Blob} blob that was to be sent
 * @returns {Promise<never>}
 */
export async function explain(error, blob) {
  if (error instanceof Problem && error.code === 'UNREACHABLE')
    await blob
      .slice(0, 1)
      .arrayBuffer()
      .catch(() => Promise.reject(unreadable()));
  throw error;
}

function unreadable() {
  const detail = 'it may have been changed since it was chosen; choose it again';
  return new Problem({ title: 'The picture cannot be read', detail, code: 'PAGE' });
}

/** @param {Blob} blob @returns {Promise<string>} */
function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(String(reader.result).replace(/^.*?,/, '')));
    reader.addEventListener('error', () => reject(unreadable()));
    reader.readAsDataURL(blob);
  });
}
