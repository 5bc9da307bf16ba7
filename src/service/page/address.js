/** The part of the page's state that is in its address: `#budget=12&k=10&like=42`, or `#at=L@160:fp32&…`. */
import { fieldsOf } from './filter.js';
import { initial, parsePoint, printPoint } from './point.js';

/**
 * @typedef {object} Address
 * @property {import('./aim.js').Aim} aim
 * @property {number} k number of hits
 * @property {number | undefined} minScore
 * @property {import('./filter.js').Selection} selection
 * @property {boolean} isFolded are near-duplicates folded into the best of them?
 * @property {number | undefined} like id of the picture to search with, if it is one of the index
 * @property {number | undefined} sample the same, but the picture is encoded as if it were new
 */

/** @returns {Address} */
export function readAddress() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const number = (/** @type {string} */ name, /** @type {number} */ least, /** @type {number} */ most) => {
    const value = Number(fields.get(name) ?? NaN);
    return value >= least && value <= most ? value : undefined;
  };
  const whole = (/** @type {string} */ name, /** @type {number} */ most) => {
    const value = number(name, 1, most);
    return Number.isInteger(value) ? value : undefined;
  };
  const point = parsePoint(fields.get('at') ?? '', initial);
  return {
    aim: { budgetMs: point ? undefined : number('budget', 0.1, 60_000), point: point ?? initial, isFixed: !!point },
    k: whole('k', 1000) ?? 10,
    minScore: number('min', -1, 1),
    selection: fieldsOf(fields.get('only') ?? ''),
    isFolded: fields.has('folded'),
    like: whole('like', Number.MAX_SAFE_INTEGER),
    sample: whole('sample', Number.MAX_SAFE_INTEGER),
  };
}

/** @param {Address} address */
export function hashOf({ aim, k, minScore, selection, isFolded, like, sample }) {
  const fields = [
    aim.isFixed
      ? `at=${printPoint(aim.point)}`
      : aim.budgetMs === undefined
        ? ''
        : `budget=${Number(aim.budgetMs.toPrecision(3))}`,
    `k=${k}`,
    minScore === undefined ? '' : `min=${minScore}`,
    selection.size === 0 ? '' : `only=${encodeURIComponent(JSON.stringify(Object.fromEntries(selection)))}`,
    isFolded ? 'folded' : '',
    sample === undefined ? '' : `sample=${sample}`,
    like === undefined ? '' : `like=${like}`,
  ];
  return `#${fields.filter(field => field !== '').join('&')}`;
}
