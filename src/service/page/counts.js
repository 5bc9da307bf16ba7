/** How many hits are shown. */
import { byId, textElement } from './dom.js';

/** Numbers that can be chosen; an address may ask for another one. */
const counts = [10, 20, 50, 100];
const select = byId('k', HTMLSelectElement);

/** @param {(k: number) => void} onChange */
export const makeCounts = onChange => select.addEventListener('change', () => onChange(Number(select.value)));

/** @param {number} k */
export function showCounts(k) {
  const options = [...new Set([...counts, k])].sort((a, b) => a - b);
  select.replaceChildren(
    ...options.map(count => Object.assign(textElement('option', `${count} hits`), { value: count })),
  );
  select.value = String(k);
}
