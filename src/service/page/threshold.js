/** The least similarity that hits must have. */
import { byId } from './dom.js';

const slider = byId('threshold', HTMLInputElement);
const value = byId('threshold-value', HTMLElement);

/** @param {number} least */
function describe(least) {
  value.textContent = least > 0 ? least.toFixed(2) : 'any';
  slider.setAttribute('aria-valuetext', least > 0 ? `similarity ${least.toFixed(2)}` : 'any similarity');
}

/** @param {(minScore: number | undefined) => void} onChange */
export function makeThreshold(onChange) {
  slider.addEventListener('input', () => describe(Number(slider.value)));
  slider.addEventListener('change', () => onChange(Number(slider.value) || undefined));
}

/** @param {number | undefined} minScore */
export function showThreshold(minScore = 0) {
  slider.value = String(minScore);
  describe(minScore);
}
