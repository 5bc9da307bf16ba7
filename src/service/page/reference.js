/** The full model's answer, which others are compared with, and what a fair comparison needs. */
import { Problem } from './api.js';
import { showNoComparison } from './cost.js';
import { frontierChoices } from './frontier.js';
import { full, shortPoint } from './point.js';

/**
 * @typedef {import('./api.js').EncodedAnswer} EncodedAnswer
 * @typedef {import('./query.js').Asking} Asking
 * @typedef {(asking: Asking) => Promise<import('./api.js').SearchAnswer>} Ask
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
 * Asks a point; the first time twice, for the sake of its time.
 * @param {Ask} ask
 * @param {Asking} common
 * @param {EncodedAnswer} found what it is to be compared with, and what stays without a comparison if this fails
 * @param {string} at
 * @returns {Promise<EncodedAnswer | undefined>}
 */
async function askWarm(ask, common, found, at) {
  const once = async () => /** @type {EncodedAnswer} */ (await ask({ ...common, at }));
  try {
    const answer = await once();
    if (isWarm(at)) return answer;
    warmedUp(at);
    return await once();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const reason = `${shortPoint(at)} could not be asked: ${error.message}`;
    showNoComparison(found, reason + (error.detail && ` (${error.detail})`));
    return undefined;
  }
}

/** @param {Ask} ask @param {Asking} common @param {EncodedAnswer} found */
export const askFull = (ask, common, found) => askWarm(ask, common, found, full);

/** The same point once more. @param {Ask} ask @param {Asking} common @param {EncodedAnswer} found */
export const askAgain = (ask, common, found) => askWarm(ask, common, found, found.cost.at);
