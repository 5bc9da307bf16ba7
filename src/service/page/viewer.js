/** The larger view of a hit, with what is known of it. */
import { picture, thumbnailUrl } from './api.js';
import { byId, textElement } from './dom.js';
import { bytes, plural, titleOf } from './format.js';
import { full, shortPoint } from './point.js';
import { thumb } from './samples.js';

/** @typedef {import('./api.js').Hit} Hit */

const dialog = byId('viewer', HTMLDialogElement);
const [previous, next] = [byId('viewer-previous', HTMLButtonElement), byId('viewer-next', HTMLButtonElement)];

/** What is browsed: the hits, then what only others have. @type {readonly Hit[]} */
let hits = [];
/** @type {readonly Hit[]} */
let reference = [];
/** How many of `hits` are the answer's own. */
let own = 0;
let at = 0;
/** The hit that is shown, or one of its near-duplicates. @type {Hit | undefined} */
let shown;

/** @param {(hit: Hit) => void} onSearch @param {(hit: Hit, weight: 1 | -1) => void} onExample */
export function makeViewer(onSearch, onExample) {
  byId('viewer-close', HTMLElement).addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', event => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
  previous.addEventListener('click', () => show(at - 1));
  next.addEventListener('click', () => show(at + 1));
  dialog.addEventListener('keydown', event => {
    if (event.key === 'ArrowLeft') show(at - 1);
    if (event.key === 'ArrowRight') show(at + 1);
  });
  const act = (/** @type {string} */ id, /** @type {(hit: Hit) => void} */ action) =>
    byId(id, HTMLElement).addEventListener('click', () => {
      const hit = shown;
      dialog.close();
      if (hit) action(hit);
    });
  act('viewer-search', onSearch);
  act('viewer-more-like', hit => onExample(hit, 1));
  act('viewer-less-like', hit => onExample(hit, -1));
}

/**
 * @param {Hit} hit
 * @param {{ answered: readonly Hit[], missed: readonly Hit[], reference: readonly Hit[] }} around
 *   the answer's hits, those that only the full model has, and all of the full model's (none if it was not asked)
 */
export function openViewer(hit, around) {
  const known = [...around.answered, ...around.missed];
  // side by side with a third point there are hits that neither has
  hits = known.some(({ id }) => id === hit.id) ? known : [...known, hit];
  own = around.answered.length;
  reference = around.reference;
  show(hits.findIndex(({ id }) => id === hit.id));
  dialog.showModal();
}

/** @param {number} index */
function show(index) {
  const hit = hits[index];
  if (!hit) return;
  at = index;
  showHit(hit, rank(hit, index));
  copies(hit);
  // aria-disabled and not disabled, which would drop the focus
  previous.setAttribute('aria-disabled', String(index === 0));
  next.setAttribute('aria-disabled', String(index === hits.length - 1));
}

/** @param {Hit} hit @param {string} place */
function showHit(hit, place) {
  shown = hit;
  const image = byId('viewer-image', HTMLImageElement);
  image.src = thumbnailUrl(hit.id);
  image.alt = hit.path;
  byId('viewer-title', HTMLElement).textContent = titleOf(hit);
  byId('viewer-rank', HTMLElement).textContent = place;
  facts(hit);
  picture(hit.id).then(
    ({ size, sha256 }) => shown === hit && facts(hit, { size: bytes(size), 'SHA-256': sha256 }),
    () => undefined, // what the hit says of itself is enough
  );
}

/** What was folded into a hit. @param {Hit} hit */
function copies({ duplicates = [] }) {
  byId('viewer-copies', HTMLElement).hidden = duplicates.length === 0;
  byId('viewer-copies-title', HTMLElement).textContent = `${plural(duplicates.length, 'near-duplicate')}`;
  byId('viewer-copies-list', HTMLElement).replaceChildren(
    ...duplicates.map(copy => thumb(copy, () => showHit(copy, 'A near-duplicate'))),
  );
}

/** @param {Hit} hit @param {number} index */
function rank(hit, index) {
  const there = reference.findIndex(({ id }) => id === hit.id) + 1;
  if (index >= own && there === 0) return 'Only at the point beside';
  if (index >= own) return `Only at ${shortPoint(full)}: hit ${there} of ${reference.length}`;
  const here = `Hit ${index + 1} of ${own}`;
  // nobody asked the full model for more than it was compared with
  if (there === 0 && index >= reference.length) return here;
  return there === 0 ? `${here}, not among ${shortPoint(full)}’s` : `${here}, ${there} at ${shortPoint(full)}`;
}

/** @param {Hit} hit @param {Record<string, string>} [more] */
function facts({ path, score, metadata }, more = {}) {
  const rows = Object.entries({ path, similarity: score.toFixed(4), ...metadata, ...more });
  byId('viewer-facts', HTMLElement).replaceChildren(
    ...rows.map(([name, value]) => {
      const row = document.createElement('div');
      row.append(textElement('dt', name), textElement('dd', typeof value === 'string' ? value : JSON.stringify(value)));
      return row;
    }),
  );
}
