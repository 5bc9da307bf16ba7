/** How the operating point is decided: by a latency budget, or by hand. */
import { makeBudget, showBudget } from './budget.js';
import { makeControls, showPoint } from './controls.js';
import { byId } from './dom.js';

/**
 * @typedef {object} Aim
 * @property {boolean} isFixed has somebody chosen the point by hand?
 * @property {number | undefined} budgetMs undefined as long as there is nothing that one could choose from
 * @property {import('./point.js').Point} point what is or was chosen by hand
 */

const modes = [byId('by-budget', HTMLInputElement), byId('by-hand', HTMLInputElement)];

/** @type {Aim} */
let shown;

/** @param {(aim: Aim) => void} onChange when somebody has chosen */
export function makeAim(onChange) {
  makeControls(point => onChange({ ...shown, point, isFixed: true }));
  makeBudget(budgetMs => onChange({ ...shown, budgetMs, isFixed: false }));
  for (const mode of modes)
    mode.addEventListener('change', () => onChange({ ...shown, isFixed: byId('by-hand', HTMLInputElement).checked }));
}

/**
 * Is a point to be named? So it is too where a budget has nothing to choose from; the wish for one stays, since that
 * can change.
 * @param {Aim} aim
 * @param {boolean} hasChoice
 */
export const isByHand = (aim, hasChoice) => aim.isFixed || !hasChoice;

/**
 * @param {Aim} aim
 * @param {boolean} hasChoice are there points that a budget could choose from?
 */
export function showAim(aim, hasChoice) {
  shown = aim;
  const byHand = isByHand(aim, hasChoice);
  byId('modes', HTMLElement).hidden = !hasChoice;
  byId('by-budget', HTMLInputElement).checked = !byHand;
  byId('by-hand', HTMLInputElement).checked = byHand;
  byId('budget-part', HTMLElement).hidden = byHand;
  byId('point-part', HTMLElement).hidden = !byHand;
  showPoint(aim.point);
  if (aim.budgetMs !== undefined) showBudget(aim.budgetMs);
}
