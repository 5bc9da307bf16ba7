/** The pictures that are searched with, when there are several: how much each matters, and which way. */
import { thumbnailUrl } from './api.js';
import { byId, fromTemplate } from './dom.js';

/** @typedef {import('./query.js').Example} Example */

const part = byId('examples', HTMLElement);
/** milliseconds without a move of a slider, after which it counts */
const rest = 300;

/** Addresses of uploads that are shown. @type {string[]} */
let addresses = [];

/**
 * @param {readonly Example[]} examples
 * @param {(examples: readonly Example[]) => void} onChange
 */
export function showExamples(examples, onChange) {
  for (const address of addresses) URL.revokeObjectURL(address);
  addresses = [];
  part.hidden = examples.length < 2;
  if (part.hidden) {
    byId('examples-list', HTMLElement).replaceChildren();
    return;
  }
  byId('examples-list', HTMLElement).replaceChildren(
    ...examples.map((example, i) => {
      const { root, part: of } = fromTemplate('example-template');
      const isLike = example.weight > 0;
      root.dataset.sign = isLike ? 'like' : 'unlike';
      Object.assign(of('img'), { src: addressOf(example) });
      of('.example-sign').textContent = isLike ? 'more like' : 'less like';
      of('.example-name').textContent = example.name;
      const weight = /** @type {HTMLInputElement} */ (of('input'));
      weight.value = String(Math.abs(example.weight));
      weight.setAttribute('aria-label', `How much ${example.name} matters`);
      let timer = 0;
      weight.addEventListener('input', () => {
        clearTimeout(timer);
        timer = window.setTimeout(() => {
          const size = Number(weight.value) * (isLike ? 1 : -1);
          onChange(examples.map((other, j) => (j === i ? { ...other, weight: size } : other)));
        }, rest);
      });
      of('button').setAttribute('aria-label', `Leave ${example.name} out`);
      of('button').addEventListener('click', () => onChange(examples.filter((_, j) => j !== i)));
      return root;
    }),
  );
}

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
