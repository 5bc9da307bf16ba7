/** The operating point's controls: a radio group for each axis, and a field for everything else. */
import { byId, fromTemplate, partOf } from './dom.js';
import { choices, parsePoint, printPoint } from './point.js';

/** @typedef {keyof typeof choices} Axis */

const axes = /** @type {Axis[]} */ (Object.keys(choices));
const field = byId('at', HTMLInputElement);
const problem = byId('at-problem', HTMLElement);
const advanced = byId('advanced', HTMLDetailsElement);

/** @type {import('./point.js').Point} */
let shown;

/** @param {(point: import('./point.js').Point) => void} onChange */
export function makeControls(onChange) {
  for (const axis of axes) {
    const group = partOf(document.body, `[data-axis=${axis}]`);
    group.addEventListener('change', ({ target }) => {
      if (target instanceof HTMLInputElement) onChange({ ...shown, [axis]: target.value });
    });
  }
  byId('point', HTMLFormElement).addEventListener('submit', event => {
    event.preventDefault();
    const point = parsePoint(field.value, shown);
    if (point) onChange(point);
    else showPointProblem('Write it like M6-L6, S@112 or L@160:int8');
  });
  field.addEventListener('input', clearProblem);
}

/** @param {Axis} axis whose choices may have become others */
function offer(axis) {
  const group = partOf(document.body, `[data-axis=${axis}]`);
  const offered = [...group.querySelectorAll('input')].map(({ value }) => value);
  if (offered.join() === choices[axis].join()) return;
  group.replaceChildren(
    ...choices[axis].map(value => {
      const { root, part } = fromTemplate('segment-template');
      Object.assign(part('input'), { name: axis, value });
      part('span').textContent = value;
      return root;
    }),
  );
}

/**
 * Shows a point. What none of the choices stands for, such as a mix, is in the field alone.
 * @param {typeof shown} point
 */
export function showPoint(point) {
  shown = point;
  axes.forEach(offer);
  for (const axis of axes)
    for (const input of document.querySelectorAll(`[data-axis=${axis}] input`))
      if (input instanceof HTMLInputElement) input.checked = input.value === point[axis];
  field.value = printPoint(point);
  if (axes.some(axis => !choices[axis].includes(point[axis]))) advanced.open = true;
  clearProblem();
}

/** @param {string} text @param {typeof shown} [point] what was refused, if it is not shown any more */
export function showPointProblem(text, point) {
  advanced.open = true;
  if (point) field.value = printPoint(point);
  problem.textContent = text;
  problem.hidden = false;
  field.setAttribute('aria-invalid', 'true');
}

function clearProblem() {
  problem.hidden = true;
  field.removeAttribute('aria-invalid');
}
