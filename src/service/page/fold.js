/** Near-duplicates: each in its place, or folded into the best of them. */
import { byId } from './dom.js';

const toggle = byId('fold', HTMLButtonElement);

/** @param {(isFolded: boolean) => void} onChange */
export const makeFold = onChange =>
  toggle.addEventListener('click', () => onChange(toggle.getAttribute('aria-pressed') !== 'true'));

/** @param {boolean} isFolded */
export const showFold = isFolded => toggle.setAttribute('aria-pressed', String(isFolded));
