/** The part of the picture that matters: dragged on it, or moved and resized by keys. */
import { announce, byId, setHidden } from './dom.js';
import { percent } from './format.js';

/** @typedef {import('./query.js').Crop} Crop */

const area = byId('crop-area', HTMLElement);
const box = byId('crop-box', HTMLElement);
const toggle = byId('crop-toggle', HTMLButtonElement);
/** share of the picture that an arrow key moves or resizes by */
const step = 0.02;
/** least side, as a share: less is a click */
const least = 0.05;
/** milliseconds without a key, after which the crop counts */
const rest = 400;
const middle = { x: 0.2, y: 0.2, width: 0.6, height: 0.6 };

/** @type {Crop | undefined} */
let crop;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {(crop: Crop | undefined) => void} onChange */
export function makeCrop(onChange) {
  const settle = (/** @type {number} */ delay) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      announce(crop ? spoken(crop) : 'The whole picture.');
      onChange(crop);
    }, delay);
  };
  toggle.addEventListener('click', () => {
    draw(crop ? undefined : middle);
    settle(0);
    if (crop) box.focus();
  });
  box.addEventListener('keydown', event => {
    const [dx, dy] = directions[event.key] ?? [0, 0];
    if (event.key === 'Escape' || event.key === 'Delete') {
      draw(undefined);
      toggle.focus();
      settle(0);
    } else if (crop && (dx !== 0 || dy !== 0)) {
      draw(event.shiftKey ? resized(crop, dx, dy) : moved(crop, dx, dy));
      settle(rest);
    } else return;
    event.preventDefault();
  });
  area.addEventListener('pointerdown', event => {
    // a finger scrolls the page, unless a crop has been asked for
    if (event.button !== 0 || (event.pointerType === 'touch' && !crop)) return;
    event.preventDefault();
    const [before, from] = [crop, placeOf(event)];
    area.setPointerCapture(event.pointerId);
    const gesture = new AbortController();
    const { signal } = gesture;
    const end = () => {
      gesture.abort();
      if (crop !== before) settle(0);
    };
    area.addEventListener('pointermove', now => draw(between(from, placeOf(now)) ?? before), { signal });
    area.addEventListener('pointerup', end, { signal });
    area.addEventListener('pointercancel', end, { signal });
  });
}

/** @type {Record<string, [number, number]>} */
const directions = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };

/** @param {Crop | undefined} next of what is searched with now: a change of what was does not count any more */
export function showCrop(next) {
  clearTimeout(timer);
  draw(next);
}

/** @param {boolean} isSeen can the picture be seen? Else a crop can be taken away, but not made. */
export function showCropArea(isSeen) {
  area.hidden = !isSeen;
  draw(crop);
}

/** @param {Crop | undefined} next */
function draw(next) {
  crop = next;
  box.hidden = !next;
  area.dataset.cropped = String(!!next);
  byId('query', HTMLElement).dataset.cropped = String(!!next);
  toggle.textContent = next ? 'Whole picture' : 'Crop';
  setHidden(toggle, area.hidden && !next);
  if (!next) return;
  for (const [side, share] of /** @type {const} */ ([
    ['left', next.x],
    ['top', next.y],
    ['width', next.width],
    ['height', next.height],
  ]))
    box.style[side] = `${100 * share}%`;
  box.setAttribute('aria-label', `${spoken(next)} Arrow keys move it, with Shift they resize it, Escape removes it.`);
}

/** @param {Crop} crop */
const spoken = ({ x, y, width, height }) =>
  `Crop: ${percent(width)} by ${percent(height)}, ${percent(x)} from the left, ${percent(y)} from the top.`;

/** @param {PointerEvent} event */
function placeOf({ clientX, clientY }) {
  const { left, top, width, height } = area.getBoundingClientRect();
  return { x: within((clientX - left) / width), y: within((clientY - top) / height) };
}

/** @param {number} share */
const within = (share, most = 1) => Math.min(most, Math.max(0, share));

/** @typedef {{ x: number, y: number }} Place */
/** @param {Place} a @param {Place} b @returns {Crop | undefined} */
function between(a, b) {
  const [width, height] = [Math.abs(a.x - b.x), Math.abs(a.y - b.y)];
  if (width < least || height < least) return undefined;
  return { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), width, height };
}

/** @param {Crop} crop @param {number} dx @param {number} dy */
const moved = (crop, dx, dy) => ({
  ...crop,
  x: within(crop.x + dx, 1 - crop.width),
  y: within(crop.y + dy, 1 - crop.height),
});

/** @param {Crop} crop @param {number} dx @param {number} dy */
const resized = (crop, dx, dy) => ({
  ...crop,
  width: Math.max(least, within(crop.width + dx, 1 - crop.x)),
  height: Math.max(least, within(crop.height + dy, 1 - crop.y)),
});
