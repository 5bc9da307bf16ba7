/** The frontier as a chart: predicted milliseconds to the right, fidelity upwards. */
import { byId } from './dom.js';
import { milliseconds, percent } from './format.js';
import { chosenFor } from './frontier.js';
import { placeOf, ticksOf } from './scale.js';

/**
 * @typedef {import('./frontier.js').Choice} Choice
 * @typedef {{ at: string, ms: number } | undefined} Answered the point that answered last, and what it took
 */

const svg = byId('frontier', SVGSVGElement);
const height = 168;
/** pixels around the plot; at the sides half of the slider's thumb, which moves below it */
const margin = { top: 14, side: 11, bottom: 20 };

/**
 * @param {readonly Choice[]} choices
 * @param {import('./scale.js').Span} span
 * @param {number} budgetMs
 * @param {Answered} answered
 */
export function drawFrontier(choices, span, budgetMs, answered) {
  const width = svg.clientWidth;
  if (width === 0) return; // not shown
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const floor = Math.min(0.9, Math.floor(10 * Math.min(...choices.map(({ fidelity }) => fidelity))) / 10);
  const x = (/** @type {number} */ ms) => margin.side + placeOf(span, ms) * (width - 2 * margin.side);
  const y = (/** @type {number} */ fidelity) =>
    margin.top + ((1 - fidelity) / (1 - floor)) * (height - margin.top - margin.bottom);
  const bottom = height - margin.bottom;
  const { choice: chosen, fits } = chosenFor(budgetMs);

  const shapes = [shape('rect', { class: 'fits', x: 0, y: 0, width: x(budgetMs), height: bottom, rx: 6 })];
  for (const level of [floor, (1 + floor) / 2, 1])
    shapes.push(
      shape('line', { class: 'grid', x1: 0, x2: width, y1: y(level), y2: y(level) }),
      shape('text', { class: 'level', x: 2, y: y(level) - 4 }, percent(level)),
    );
  for (const tick of ticksOf(span))
    shapes.push(shape('text', { class: 'tick', x: x(tick), y: height - 5 }, String(tick)));
  shapes.push(shape('path', { class: 'stairs', d: stairs(choices, x, y) }));
  shapes.push(shape('line', { class: 'budget', x1: x(budgetMs), x2: x(budgetMs), y1: 0, y2: bottom }));
  for (const { at, ms, fidelity } of choices)
    shapes.push(shape('circle', { class: ms <= budgetMs ? 'in' : 'out', cx: x(ms), cy: y(fidelity), r: 3 }, '', at));
  const there = choices.find(({ at }) => at === answered?.at);
  if (there && answered) {
    const [from, to, level] = [x(there.ms), x(answered.ms), y(there.fidelity)];
    shapes.push(shape('line', { class: 'took', x1: from, x2: to, y1: level, y2: level }));
    shapes.push(shape('path', { class: 'took', d: `M${to} ${level - 5}v10` }));
  }
  shapes.push(shape('circle', { class: 'halo', cx: x(chosen.ms), cy: y(chosen.fidelity), r: 8 }));
  shapes.push(shape('circle', { class: fits ? 'chosen' : 'late', cx: x(chosen.ms), cy: y(chosen.fidelity), r: 5 }));
  svg.replaceChildren(...shapes);
  svg.setAttribute('aria-label', spoken(choices, budgetMs, chosen));
}

/** Where on the axis of time, 0 … 1. @param {MouseEvent} event */
export function placeIn({ clientX }) {
  const { left, width } = svg.getBoundingClientRect();
  return Math.min(1, Math.max(0, (clientX - left - margin.side) / (width - 2 * margin.side)));
}

/**
 * What fidelity a budget buys: it stays until the next point fits.
 * @param {readonly Choice[]} choices @param {(ms: number) => number} x @param {(fidelity: number) => number} y
 */
function stairs(choices, x, y) {
  const sorted = [...choices].sort((a, b) => a.ms - b.ms);
  let best = -1;
  let path = '';
  for (const { ms, fidelity } of sorted) {
    if (fidelity <= best) continue;
    path += path === '' ? `M${x(ms)} ${y(fidelity)}` : `H${x(ms)}V${y(fidelity)}`;
    best = fidelity;
  }
  return path;
}

/** @param {readonly Choice[]} choices @param {number} budgetMs @param {Choice} chosen */
function spoken(choices, budgetMs, chosen) {
  const [first, last] = [choices[0], choices.at(-1)];
  const ends = [first, last].map(one => one && `${one.at}, ${milliseconds(one.ms)} and ${percent(one.fidelity)}`);
  return (
    `Time against fidelity of ${choices.length} operating points, from ${ends.join(' to ')}. ` +
    `${milliseconds(budgetMs)} choose ${chosen.at}.`
  );
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 * @param {string} [title]
 */
function shape(name, attributes, text = '', title = '') {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (title) element.append(shape('title', {}, title));
  if (text) element.append(text);
  return element;
}
