/** Where the milliseconds of a search went, as bars. */
import { byId, fromTemplate, textElement } from './dom.js';
import { milliseconds } from './format.js';

/** @typedef {import('./api.js').Cost} Cost */

/** The stages of a search in their order; the rest of its total is fetching, and between the server's threads. */
const stages = /** @type {const} */ (['decode', 'wait', 'encode', 'search']);

/** A budget that is further beyond the longest bar than this is not shown beside it. */
const furthest = 1.8;

/** @param {Cost['ms']} ms @returns {[string, number][]} */
function parts(ms) {
  const rest = ms.total - stages.reduce((sum, stage) => sum + ms[stage], 0);
  return [...stages.map(stage => /** @type {[string, number]} */ ([stage, ms[stage]])), ['other', Math.max(0, rest)]];
}

/**
 * @param {Cost} cost
 * @param {Cost | undefined} reference the full model's, if there is one
 * @param {string} [pending] the name of a bar that will come
 */
export function showBars(cost, reference, pending) {
  const longest = Math.max(cost.ms.total, reference?.ms.total ?? 0);
  const budget = cost.budget && cost.budget.ms <= furthest * longest ? cost.budget.ms : undefined;
  const scale = Math.max(longest, budget ?? 0);
  const bars = [bar(cost, scale, budget)];
  if (reference) bars.push(bar(reference, scale));
  else if (pending) bars.push(pendingBar(pending));
  byId('bars', HTMLElement).replaceChildren(...bars);
  byId('legend', HTMLElement).replaceChildren(
    ...parts(cost.ms).map(([stage, value]) => legendEntry(stage, value, cost.predictedMs)),
  );
}

/** Takes the room that bars will take. */
export function showPendingBars() {
  byId('bars', HTMLElement).replaceChildren(pendingBar(''), pendingBar(''));
  byId('legend', HTMLElement).replaceChildren(legendEntry('decode', 0));
}

/** @param {Cost} cost @param {number} scale milliseconds of the whole width @param {number} [budget] where it ends */
function bar({ at, ms }, scale, budget) {
  const { root, part } = fromTemplate('bar-template');
  part('.bar-name').textContent = at;
  part('.bar-total').textContent = milliseconds(ms.total);
  const track = part('.bar');
  const spoken = parts(ms).map(([stage, value]) => `${stage} ${milliseconds(value)}`);
  if (budget !== undefined) spoken.push(`budget ${milliseconds(budget)}`);
  track.setAttribute('aria-label', `${at}: ${spoken.join(', ')}`);
  for (const [stage, value] of parts(ms)) {
    const piece = document.createElement('i');
    piece.dataset.stage = stage;
    piece.style.width = `${(100 * value) / scale}%`;
    track.append(piece);
  }
  if (budget !== undefined) {
    const mark = textElement('b', '');
    mark.title = `budget: ${milliseconds(budget)}`;
    mark.style.left = `${(100 * budget) / scale}%`;
    part('.track').append(mark);
  }
  return root;
}

/** An empty bar. @param {string} name */
function pendingBar(name) {
  const { root, part } = fromTemplate('bar-template');
  part('.bar-name').textContent = name;
  part('.bar').setAttribute('aria-label', 'not known yet');
  part('.bar-total').textContent = '…';
  return root;
}

/** @param {string} stage @param {number} value @param {Cost['predictedMs']} [predicted] */
function legendEntry(stage, value, predicted) {
  const entry = document.createElement('div');
  const term = textElement('dt', stage);
  term.dataset.stage = stage;
  entry.append(term, textElement('dd', milliseconds(value)));
  const expected = stage === 'decode' || stage === 'encode' ? predicted?.[stage] : undefined;
  if (expected !== undefined) entry.append(textElement('dd', `expected ${expected.toFixed(1)}`, 'expected'));
  return entry;
}
