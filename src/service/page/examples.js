/** The pictures that are searched with, when there are several: how much each matters, and which way. */
import { thumbnailUrl } from './api.js';
import { byId, focusResults, fromTemplate } from './dom.js';

/** @typedef {import('./query.js').Example} Example */

const part = byId('examples', HTMLElement);
const list = byId('examples-list', HTMLElement);
/** milliseconds without a move of a slider, after which it counts */
const rest = 300;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** What is shown, a row each. @type {readonly Example[]} */
let shown = [];
/** Their sliders. @type {HTMLInputElement[]} */
let sliders = [];
/** @type {(examples: readonly Example[]) => void} */
let onChange = () => undefined;
/** Addresses of uploads that are shown. @type {string[]} */
let addresses = [];

/**
 * @param {readonly Example[]} examples none to forget those that were shown
 * @param {typeof onChange} callback somebody has changed them
 */
export function showExamples(examples, callback) {
  clearTimeout(timer);
  onChange = callback;
  const several = examples.length < 2 ? [] : examples;
  // the same rows stay, since one of them may be in use
  const isSame = several.length === shown.length && several.every((example, i) => isOf(example, shown[i]));
  shown = several;
  if (!isSame) drawRows();
  for (const [i, slider] of sliders.entries()) slider.value = String(Math.abs(shown[i]?.weight ?? 1));
}

function drawRows() {
  const focused = [...list.children].findIndex(row => row.contains(document.activeElement));
  for (const address of addresses) URL.revokeObjectURL(address);
  addresses = [];
  sliders = [];
  list.replaceChildren(...shown.map(row));
  part.hidden = shown.length === 0;
  if (focused < 0) return;
  // the focused one was left out: the next one can be too
  const next = list.children[Math.min(focused, shown.length - 1)]?.querySelector('button');
  if (next) next.focus();
  else focusResults();
}

/** @param {Example} example @param {number} i */
function row(example, i) {
  const { root, part: of } = fromTemplate('example-template');
  const isLike = example.weight > 0;
  root.dataset.sign = isLike ? 'like' : 'unlike';
  Object.assign(of('img'), { src: addressOf(example) });
  of('.example-sign').textContent = isLike ? 'more like' : 'less like';
  of('.example-name').textContent = example.name;
  const slider = /** @type {HTMLInputElement} */ (of('input'));
  sliders.push(slider);
  slider.setAttribute('aria-label', `How much ${example.name} matters`);
  slider.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => onChange(weighted()), rest);
  });
  of('button').setAttribute('aria-label', `Leave ${example.name} out`);
  of('button').addEventListener('click', () => onChange(weighted().filter((_, j) => j !== i)));
  return root;
}

/** As the sliders are now. */
const weighted = () =>
  shown.map((example, i) => ({ ...example, weight: Math.sign(example.weight) * Number(sliders[i]?.value) }));

/** The same picture, on the same side? @param {Example} a @param {Example} [b] */
const isOf = (a, b) =>
  a.blob === b?.blob && a.id === b?.id && a.url === b?.url && Math.sign(a.weight) === Math.sign(b?.weight ?? 0);

/** @param {Example} example */
function addressOf({ blob, id }) {
  if (!blob) return id === undefined ? '' : thumbnailUrl(id);
  const address = URL.createObjectURL(blob);
  addresses.push(address);
  return address;
}

/** The same, with one that hits should be like first; none if there is none. @param {readonly Example[]} examples */
export function leading(examples) {
  const first = examples.find(({ weight }) => weight > 0);
  return first ? [first, ...examples.filter(example => example !== first)] : [];
}
