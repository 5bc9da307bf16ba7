/** The grid of hits. */
import { thumbnailUrl } from './api.js';
import { byId, focusResults, fromTemplate, partOf, setHidden } from './dom.js';
import { fileName, plural, titleOf } from './format.js';
import { full, shortPoint } from './point.js';
import { thumb } from './samples.js';

/** @typedef {import('./api.js').Hit} Hit */

const grid = byId('hits', HTMLElement);
const missedPart = byId('missed', HTMLElement);
/** what is shown there @type {readonly Hit[]} */
let missed = [];
const calm = matchMedia('(prefers-reduced-motion: reduce)');
/** More placeholders than that are below the fold. */
const mostSkeletons = 20;
/** milliseconds that a comparison waits for thumbnails */
const patience = 1500;

/** Are the pictures that are shown those that the index has under their ids? */
let areCurrent = true;
/** The index has changed. */
export const forgetPictures = () => void (areCurrent = false);

/** @type {(hit: Hit, weight: 1 | -1) => void} */
let onExample = () => undefined;

/** @param {typeof onExample} callback somebody wants more or less like a hit */
export const makeHits = callback => void (onExample = callback);

/** @param {number} count */
export function showSkeletons(count) {
  replaceItems(
    Array.from({ length: Math.min(count, mostSkeletons) }, () => {
      const { root } = fromTemplate('hit-template');
      root.className = 'skeleton';
      root.inert = true;
      return root;
    }),
  );
  showMissed([], () => undefined);
}

/**
 * Shows hits. One that is shown already keeps its picture and the focus, and moves to its new place, so that the eye
 * can follow it.
 * @param {readonly Hit[]} hits
 * @param {{ queryId: number | undefined, onOpen: (hit: Hit) => void }} options
 */
export function showHits(hits, { queryId, onOpen }) {
  const items = [...grid.children].filter(item => item instanceof HTMLElement && item.dataset.id !== undefined);
  const before = new Map(
    items.map(item => [/** @type {HTMLElement} */ (item).dataset.id, { item, from: item.getBoundingClientRect() }]),
  );
  const shown = hits.map(hit => hitElement(hit, onOpen, hit.id === queryId));
  // pictures that are there already are not loaded again
  for (const item of areCurrent ? shown : []) {
    const old = before.get(item.dataset.id)?.item.querySelector('img');
    if (old) item.querySelector('img')?.replaceWith(old);
  }
  areCurrent = true;
  replaceItems(shown);
  showMissed([], () => undefined);
  if (calm.matches || before.size === 0) return;
  for (const item of shown) {
    const from = before.get(item.dataset.id)?.from;
    const to = item.getBoundingClientRect();
    item.animate(
      from
        ? [{ transform: `translate(${from.x - to.x}px, ${from.y - to.y}px)` }, { transform: 'none' }]
        : [
            { opacity: 0, transform: 'scale(0.96)' },
            { opacity: 1, transform: 'none' },
          ],
      { duration: 280, easing: 'cubic-bezier(0.2, 0.7, 0.2, 1)' },
    );
  }
}

/** What can be focused in an item. */
const targets = ['.hit', '.more-like', '.less-like'];

/** @param {readonly HTMLElement[]} items */
function replaceItems(items) {
  const focused = grid.contains(document.activeElement) ? document.activeElement : null;
  const id = focused?.closest('li')?.dataset.id;
  grid.replaceChildren(...items);
  if (!focused) return;
  const target = targets.find(selector => focused.matches(selector));
  const same = id === undefined ? undefined : items.find(item => item.dataset.id === id);
  if (same && target) partOf(same, target).focus({ preventScroll: true });
  else focusResults();
}

/** Shows more below. @param {readonly Hit[]} hits @param {(hit: Hit) => void} onOpen */
export function addHits(hits, onOpen) {
  grid.append(...hits.map(hit => hitElement(hit, onOpen, false)));
  const ids = new Set(hits.map(({ id }) => id));
  showMissed(
    missed.filter(({ id }) => !ids.has(id)),
    onOpen,
  );
}

/** Hits that only the full model has. @param {readonly Hit[]} hits @param {(hit: Hit) => void} onOpen */
function showMissed(hits, onOpen) {
  missed = hits;
  setHidden(missedPart, missed.length === 0);
  byId('missed-title', HTMLElement).textContent = `${plural(missed.length, 'hit')} that only ${shortPoint(full)} has`;
  byId('missed-list', HTMLElement).replaceChildren(...missed.map(hit => thumb(hit, onOpen)));
}

/**
 * Marks the hits that the full model does not have, and shows those that only it has.
 * @param {import('./compare.js').Comparison} comparison
 * @param {(hit: Hit) => void} onOpen
 */
export function markHits({ extra, missed }, onOpen) {
  for (const item of grid.children)
    if (item instanceof HTMLElement && extra.has(Number(item.dataset.id)))
      badge(item, `not at ${shortPoint(full)}`, 'extra');
  showMissed(missed, onOpen);
}

/** Waits for the pictures that can be seen, but not long. */
export async function thumbnailsShown() {
  const seen = [...grid.querySelectorAll('img')].filter(image => image.getBoundingClientRect().top < innerHeight);
  const loaded = seen.map(image => image.decode().catch(() => undefined));
  await Promise.race([Promise.all(loaded), new Promise(resolve => setTimeout(resolve, patience))]);
}

/** @param {Hit} hit @param {(hit: Hit) => void} onOpen @param {boolean} isQuery */
function hitElement(hit, onOpen, isQuery) {
  const { root, part } = fromTemplate('hit-template');
  root.dataset.id = String(hit.id);
  Object.assign(part('img'), { src: thumbnailUrl(hit.id) });
  part('.hit-label').textContent = titleOf(hit);
  part('.score').textContent = hit.score.toFixed(3);
  part('.score').title = 'cosine similarity';
  const file = fileName(hit.path);
  part('.folder').textContent = hit.path.slice(0, -file.length);
  part('.file').textContent = file;
  part('.path').title = hit.path;
  part('.hit').addEventListener('click', () => onOpen(hit));
  for (const [selector, weight, wish] of /** @type {const} */ ([
    ['.more-like', 1, 'More'],
    ['.less-like', -1, 'Less'],
  ])) {
    part(selector).ariaLabel = part(selector).title = `${wish} like ${titleOf(hit)}, ${file}`;
    part(selector).addEventListener('click', () => onExample(hit, weight));
  }
  if (isQuery) badge(root, 'your picture', 'query');
  const copies = hit.duplicates?.length ?? 0;
  root.dataset.copies = String(copies);
  part('.copies').hidden = copies === 0;
  part('.copies').textContent = `+${copies} alike`;
  return root;
}

/** @param {HTMLElement} item @param {string} text @param {string} kind */
function badge(item, text, kind) {
  const element = item.querySelector('.badge');
  if (!(element instanceof HTMLElement)) return;
  element.textContent = text;
  element.dataset.kind = kind;
  element.hidden = false;
  item.dataset.kind = kind;
}
