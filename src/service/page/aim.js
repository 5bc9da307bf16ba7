/** How the operating point is decided: by a latency budget, or by hand. */
import { makeBudget, showBudget } from './budget.js';
import { makeControls, showPoint } from './controls.js';
import { byId } from './dom.js';

/**
 * @typedef {object} Aim
 * @property {boolean} isFixed is the point chosen by hand?
 * @property {number | undefined} budgetMs undefined as long as nobody has chosen one
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
 * @param {Aim} aim
 * @param {boolean} hasChoice are there points that a budget could choose from?
 */
export function showAim(aim, hasChoice) {
  shown = aim;
  byId('modes', HTMLElement).hidden = !hasChoice;
  byId('by-budget', HTMLInputElement).checked = !aim.isFixed;
  byId('by-hand', HTMLInputElement).checked = aim.isFixed;
  byId('budget-part', HTMLElement).hidden = aim.isFixed;
  byId('point-part', HTMLElement).hidden = !aim.isFixed;
  showPoint(aim.point);
  if (aim.budgetMs !== undefined) showBudget(aim.budgetMs);
}
