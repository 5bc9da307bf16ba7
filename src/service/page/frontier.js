/** What a latency budget can choose from now, as the server predicts it. */
import { client } from './api.js';
import { needsKey } from './keys.js';
import { adoptPoints } from './point.js';

/**
 * @typedef {object} Choice a point of the frontier
 * @property {string} at
 * @property {number} fidelity expected rank-biased overlap with the full model's answer, 0 … 1
 * @property {number} ms predicted p95 from picture to answer
 */

/** Milliseconds between two looks at the server's predictions. */
const interval = 3000;

/** Cheapest first. @type {readonly Choice[]} */
let choices = [];
/** @type {number | undefined} */
let serverDefault;

export const frontierChoices = () => choices;

/** A budget to begin with: the server's own, or else one that half of the points fit in. */
export const initialBudget = () => serverDefault ?? roundUp(choices[Math.floor(choices.length / 2)]?.ms ?? 20);

/** The most faithful point that fits; the cheapest if none does. @param {number} budgetMs */
export function chosenFor(budgetMs) {
  const fitting = choices.filter(({ ms }) => ms <= budgetMs);
  return { choice: fitting.at(-1) ?? cheapest(), fits: fitting.length > 0 };
}

const cheapest = () => choices.reduce((least, choice) => (choice.ms < least.ms ? choice : least));

/** Asks the server. @returns {Promise<boolean>} is there more than one point to choose from? */
export async function refreshFrontier() {
  const { points, answerMs, headroom, defaultBudgetMs } = await client.frontier();
  serverDefault = defaultBudgetMs;
  adoptPoints(points.map(({ at }) => at));
  choices = points.map(({ at, fidelity, predictedMs: { service } }) => ({
    at,
    fidelity: fidelity.rbo,
    ms: service.p95 * headroom + answerMs.p95,
  }));
  return choices.length > 1;
}

/**
 * Looks again and again while the page can be seen.
 * @param {(hasChoice: boolean) => void} onLook
 * @param {(error: unknown) => void} onFailure
 */
export function watchFrontier(onLook, onFailure) {
  const timer = setInterval(() => {
    if (document.hidden) return;
    refreshFrontier().then(onLook, error => {
      if (needsKey(error)) clearInterval(timer); // with a key the page is loaded anew; else the next look may succeed
      onFailure(error);
    });
  }, interval);
}

/** @param {number} ms */
function roundUp(ms) {
  const step = 10 ** Math.floor(Math.log10(ms)) / 2;
  return Math.ceil(ms / step) * step;
}
