/** The axis of time that the slider and the chart above it share: logarithmic, between ends that fit the frontier. */

/** @typedef {{ from: number, to: number }} Span milliseconds */

/** Ends of axes: 1, 1.5, 2, 3, 5, 7 in every decade. */
const steps = [1, 1.5, 2, 3, 5, 7];

/** @param {readonly { ms: number }[]} choices not empty @returns {Span} */
export function spanOf(choices) {
  const all = choices.map(({ ms }) => ms);
  const decades = Array.from({ length: 8 }, (_, i) => 10 ** (i - 2));
  const ends = decades.flatMap(decade => steps.map(step => step * decade));
  const from = ends.findLast(end => end <= Math.min(...all) * 0.8) ?? 0.01;
  return { from, to: ends.find(end => end >= Math.max(...all) * 1.3) ?? 1e5 };
}

/** Where on the axis, 0 … 1. @param {Span} span @param {number} ms */
export const placeOf = ({ from, to }, ms) => Math.min(1, Math.max(0, Math.log(ms / from) / Math.log(to / from)));

/** @param {Span} span @param {number} place 0 … 1 */
export const msAt = ({ from, to }, place) => Number((from * (to / from) ** place).toPrecision(3));

/** Round numbers on the axis. @param {Span} span */
export function ticksOf({ from, to }) {
  const decades = Array.from({ length: 8 }, (_, i) => 10 ** (i - 2));
  const ticks = decades.flatMap(decade => [1, 2, 5].map(step => step * decade));
  return ticks.filter(tick => tick >= from && tick <= to);
}
