/** The full model's answer, which others are compared with, and what a fair comparison needs. */
import { Problem } from './api.js';
import { showNoComparison } from './cost.js';
import { frontierChoices } from './frontier.js';
import { full, shortPoint } from './point.js';

/**
 * @typedef {import('./api.js').EncodedAnswer} EncodedAnswer
 * @typedef {import('./query.js').Asking} Asking
 */

/**
 * Points that the server has computed for this page. The first time at a point takes it longer, since its working
 * memory is made then: such a search is timed again before it is compared. Those of the frontier it has tried itself.
 * @type {Set<string>}
 */
const warm = new Set();

/** @param {string} at */
export function isWarm(at) {
  const tried = frontierChoices();
  return warm.has(at) || (tried.length > 1 && tried.some(choice => choice.at === at));
}

/** @param {string} at */
export const warmedUp = at => void warm.add(at);

/**
 * @param {(asking: Asking) => Promise<import('./api.js').SearchAnswer>} ask
 * @param {Asking} common
 * @param {EncodedAnswer} found what it is to be compared with
 * @returns {Promise<EncodedAnswer | undefined>}
 */
export async function askFull(ask, common, found) {
  const once = async () => /** @type {EncodedAnswer} */ (await ask({ ...common, at: full }));
  try {
    const whole = await once();
    if (isWarm(full)) return whole;
    warmedUp(full);
    return await once();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const reason = `${shortPoint(full)} could not be asked: ${error.message}`;
    showNoComparison(found, reason + (error.detail && ` (${error.detail})`));
    return undefined;
  }
}
