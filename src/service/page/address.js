/** The part of the page's state that is in its address: `#at=L@160:fp32&k=10&like=42`. */
import { initial, parsePoint, printPoint } from './point.js';

/**
 * @typedef {object} Address
 * @property {import('./point.js').Point} at
 * @property {number} k number of hits
 * @property {number | undefined} like id of the picture to search with, if it is one of the index
 */

/** Numbers of hits that can be chosen. An address may ask for another one. */
export const counts = [10, 20, 50, 100];

/** @returns {Address} */
export function readAddress() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const whole = (/** @type {string | null} */ text, /** @type {number} */ most) => {
    const number = Number(text);
    return Number.isInteger(number) && number >= 1 && number <= most ? number : undefined;
  };
  return {
    at: parsePoint(fields.get('at') ?? '', initial) ?? initial,
    k: whole(fields.get('k'), 1000) ?? 10,
    like: whole(fields.get('like'), Number.MAX_SAFE_INTEGER),
  };
}

/** @param {Address} address */
export const hashOf = ({ at, k, like }) => `#at=${printPoint(at)}&k=${k}${like === undefined ? '' : `&like=${like}`}`;
