/** The slider of the latency budget, below the chart of what it buys. */
import { drawFrontier, placeIn } from './chart.js';
import { byId } from './dom.js';
import { milliseconds, percent } from './format.js';
import { chosenFor, frontierChoices } from './frontier.js';
import { msAt, placeOf, spanOf } from './scale.js';

const slider = byId('budget', HTMLInputElement);
const steps = 400;
/** A step of the arrow keys: a twentieth of the axis would jump over points. */
const keyStep = 4;
/** milliseconds without a move of the slider, after which it counts */
const rest = 250;

let budgetMs = 20;
/** @type {import('./chart.js').Answered} */
let answered;
/** The axis stays while the slider is held, or it would slip away below the finger. @type {import('./scale.js').Span} */
let span = { from: 1, to: 100 };
let isHeld = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {(budgetMs: number) => void} onChange */
export function makeBudget(onChange) {
  slider.max = String(steps);
  slider.step = 'any';
  const settle = () => {
    clearTimeout(timer);
    timer = setTimeout(() => onChange(budgetMs), rest);
  };
  const moveTo = (/** @type {number} */ place) => {
    budgetMs = msAt(span, place);
    draw();
    settle();
  };
  slider.addEventListener('input', () => moveTo(Number(slider.value) / steps));
  slider.addEventListener('keydown', event => {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    slider.value = String(Number(slider.value) + step * keyStep);
    moveTo(Number(slider.value) / steps);
  });
  for (const name of ['pointerdown', 'pointerup', 'pointercancel'])
    slider.addEventListener(name, () => (isHeld = name === 'pointerdown'));
  // a click, since a finger that scrolls the page begins with a pointer down too
  byId('frontier', SVGSVGElement).addEventListener('click', event => {
    slider.focus();
    slider.value = String(placeIn(event) * steps);
    moveTo(placeIn(event));
  });
  new ResizeObserver(draw).observe(byId('frontier', SVGSVGElement));
}

/** @param {number} ms what counts now, instead of a move that does not count yet */
export function showBudget(ms) {
  if (!isHeld) {
    clearTimeout(timer);
    budgetMs = ms;
  }
  showFrontier();
}

/** Draws what is known of the frontier now. */
export function showFrontier() {
  const choices = frontierChoices();
  if (choices.length === 0) return;
  if (!isHeld) span = spanOf([...choices, { ms: budgetMs / 1.3 }]);
  draw();
}

/** What answered last. @param {import('./chart.js').Answered} point */
export function markAnswered(point) {
  answered = point;
  draw();
}

function draw() {
  const choices = frontierChoices();
  if (choices.length === 0) return;
  if (!isHeld) slider.value = String(placeOf(span, budgetMs) * steps);
  const { choice, fits } = chosenFor(budgetMs);
  byId('budget-value', HTMLElement).textContent = milliseconds(budgetMs);
  byId('budget-point', HTMLElement).textContent = choice.at;
  byId('budget-meaning', HTMLElement).textContent = fits
    ? `keeps ${percent(choice.fidelity)} of the full model’s ranking`
    : `is the fastest, and would take ${milliseconds(choice.ms)} now`;
  slider.setAttribute(
    'aria-valuetext',
    `${milliseconds(budgetMs)}: ${choice.at}, ${percent(choice.fidelity)} fidelity`,
  );
  drawFrontier(choices, span, budgetMs, answered);
}
