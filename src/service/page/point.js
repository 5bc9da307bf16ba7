/** Operating points: submodel @ resolution : precision. The server has the last word on what is valid. */

/** @typedef {{ submodel: string, resolution: string, precision: string }} Point */

/** What the index was built with, and what every answer is compared with. */
export let full = 'XL@224:fp32';

/** What the page offers at a click. */
export const choices = {
  submodel: ['S', 'M', 'L', 'XL'],
  resolution: ['112', '160', '224'],
  precision: ['int8', 'fp32'],
};

/** Where the page starts: well below the full model, so that there is something to compare. @type {Point} */
export let initial = { submodel: 'L', resolution: '160', precision: 'fp32' };

/**
 * Takes up a model whose own resolution is another one.
 * @param {readonly string[]} points of the server, the full model last
 */
export function adoptPoints(points) {
  const last = points.at(-1);
  if (last === undefined || last === full) return;
  full = last;
  const sides = points.map(at => parsePoint(at, initial)?.resolution ?? initial.resolution);
  choices.resolution = [...new Set(sides)].sort((a, b) => Number(a) - Number(b));
  initial = { ...initial, resolution: choices.resolution[choices.resolution.length >> 1] ?? initial.resolution };
}

/** @param {Point} point */
export const printPoint = ({ submodel, resolution, precision }) => `${submodel}@${resolution}:${precision}`;

/** `XL@224:fp32` -> `XL@224`, for sentences. @param {string} text */
export const shortPoint = text => text.replace(/:fp32$/, '');

/**
 * @param {string} text like `M6-L6`, `S@112` or `L@160:int8`
 * @param {Point} otherwise what is left out
 * @returns {Point | undefined} undefined if it is not written like that
 */
export function parsePoint(text, otherwise) {
  const match = /^\s*([a-z0-9-]+)(?:@(\d{1,5}))?(?::([a-z0-9]+))?\s*$/i.exec(text);
  if (!match) return undefined;
  const [, submodel = '', resolution = otherwise.resolution, precision = otherwise.precision] = match;
  return { submodel: submodel.toUpperCase(), resolution, precision: precision.toLowerCase() };
}
