/** Pictures of the index to start from. */
import { client, picture, thumbnailUrl } from './api.js';
import { byId, fromTemplate } from './dom.js';
import { titleOf } from './format.js';

/** @typedef {import('./api.js').Picture} Picture */

const shown = 8;
/** Pictures looked at for each that is shown, so that small groups have a chance beside large ones. */
const choice = 3;
/** Pictures of an index that is small enough to be listed. */
const listed = 200;
/** In a larger one ids are guessed: the next ones to try where a picture has been deleted. */
const attempts = 3;

/**
 * Shows some, and others when asked to.
 * @param {(picture: Picture) => void} onChoose
 */
export async function showSamples(onChoose) {
  let turn = 0;
  const more = byId('samples-more', HTMLButtonElement);
  const { images: first, total, next } = await client.listImages({ limit: listed });
  const at = (/** @type {number} */ place) => (next === undefined ? first[place] : existing(place, first));
  const show = async () => {
    const pictures = await spread(total, turn++, at);
    byId('samples-list', HTMLElement).replaceChildren(...pictures.map(found => thumb(found, onChoose)));
    byId('samples', HTMLElement).hidden = pictures.length === 0;
  };
  more.onclick = show; // in place of the one for an index that was another
  more.hidden = total <= shown;
  await show();
}

/**
 * @template {{ id: number, path: string, metadata: Picture['metadata'] }} T
 * @param {T} found
 * @param {(picture: T) => void} onChoose
 */
export function thumb(found, onChoose) {
  const { root, part } = fromTemplate('thumb-template');
  Object.assign(part('img'), { src: thumbnailUrl(found.id), alt: `${titleOf(found)}, ${found.path}` });
  part('button').addEventListener('click', () => onChoose(found));
  return root;
}

/**
 * Pictures from all over the index, as many labels among them as possible; each turn gives others.
 * @param {number} images
 * @param {number} turn
 * @param {(place: number) => Picture | undefined | Promise<Picture | undefined>} at
 */
async function spread(images, turn, at) {
  const count = Math.min(images, shown * choice);
  const shift = (0.5 + turn * 0.381966) % 1; // the golden section: turns stay apart from each other
  const places = Array.from({ length: count }, (_, i) => Math.floor(((i + shift) * images) / count));
  // every `choice`-th first, so that the beginning of the list is spread over the index as well
  const order = Array.from({ length: choice }, (_, rest) => places.filter((_, i) => i % choice === rest)).flat();
  const found = new Map((await Promise.all(order.map(at))).flatMap(one => (one ? [[one.id, one]] : [])));
  /** @type {Map<string, Picture[]>} */
  const groups = new Map();
  for (const one of found.values()) groups.set(titleOf(one), [...(groups.get(titleOf(one)) ?? []), one]);
  // the first of every label, then the second of every label, …
  const rounds = Array.from({ length: count }, (_, round) => [...groups.values()].flatMap(group => group[round] ?? []));
  const all = rounds.flat();
  const from = count === images ? (turn * shown) % Math.max(1, all.length) : 0; // few, and all of them looked at
  return [...all.slice(from), ...all.slice(0, from)].slice(0, shown);
}

/**
 * The server lists pictures page after page, and a large index has too many: mostly ids follow each other.
 * @param {number} place
 * @param {readonly Picture[]} first pictures of the index, which do where ids do not
 * @returns {Promise<Picture | undefined>}
 */
async function existing(place, first) {
  const id = place + (first[0]?.id ?? 1);
  for (let next = id; next < id + attempts; next++) {
    const found = await picture(next).catch(() => undefined);
    if (found) return found;
  }
  return first[place % first.length];
}
