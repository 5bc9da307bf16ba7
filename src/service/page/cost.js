/** What an answer cost, and what it saved and lost beside the full model's. */
import { byId, fromTemplate, partOf, textElement } from './dom.js';
import { milliseconds, percent } from './format.js';
import { full, shortPoint } from './point.js';

/**
 * @typedef {import('./api.js').SearchAnswer} SearchAnswer
 * @typedef {SearchAnswer['cost']} Cost
 */

/** The stages of a search in their order; the rest of its total is between the server's threads. */
const stages = /** @type {const} */ (['decode', 'wait', 'encode', 'search']);

/** From here on, one is called faster than the other. */
const noticeable = 1.05;

/** @param {Cost['ms']} ms @returns {[string, number][]} */
function parts(ms) {
  const rest = ms.total - stages.reduce((sum, stage) => sum + ms[stage], 0);
  return [...stages.map(stage => /** @type {[string, number]} */ ([stage, ms[stage]])), ['other', Math.max(0, rest)]];
}

/**
 * @typedef {object} Comparison
 * @property {Set<number>} extra ids of hits that the full model does not have
 * @property {SearchAnswer['hits']} missed hits of the full model that the answer does not have
 * @property {number} same hits that both have
 * @property {number} times how many times as fast the answer was
 */

/** @param {SearchAnswer} answer @param {SearchAnswer} reference @returns {Comparison} */
export function compare(answer, reference) {
  const theirs = reference.hits.slice(0, answer.hits.length);
  const theirIds = new Set(theirs.map(hit => hit.id));
  const ourIds = new Set(answer.hits.map(hit => hit.id));
  const extra = new Set([...ourIds].filter(id => !theirIds.has(id)));
  return {
    extra,
    missed: theirs.filter(hit => !ourIds.has(hit.id)),
    same: ourIds.size - extra.size,
    times: reference.cost.ms.total / answer.cost.ms.total,
  };
}

/** Takes the room that an answer will take. */
export function showCostSkeleton() {
  byId('cost', HTMLElement).dataset.state = 'loading';
  for (const id of ['faster', 'same', 'work']) figure(id, '', '…');
  byId('work-share', HTMLElement).style.width = '0';
  byId('pips', HTMLElement).replaceChildren();
  byId('bars', HTMLElement).replaceChildren(pendingBar(''), pendingBar(''));
  byId('legend', HTMLElement).replaceChildren(legendEntry('decode', 0));
  note('');
}

/**
 * @param {SearchAnswer} answer
 * @param {SearchAnswer} [reference] the full model's answer to the same picture, when it is there
 */
export function showCost(answer, reference) {
  const { at, ms, relativeMacs } = answer.cost;
  const isFull = at === full;
  const comparison = reference && !isFull ? compare(answer, reference) : undefined;
  byId('cost', HTMLElement).dataset.state = comparison ? 'compared' : isFull ? 'full' : 'comparing';

  byId('faster', HTMLElement).dataset.faster = String(comparison !== undefined && comparison.times >= noticeable);
  if (comparison) figure('faster', ...speed(comparison.times));
  else if (isFull) figure('faster', milliseconds(ms.total), 'from picture to hits');
  else figure('faster', '', `asking ${shortPoint(full)} too …`);

  if (comparison) figure('same', `${comparison.same} of ${answer.hits.length}`, `hits the same as ${shortPoint(full)}`);
  else if (isFull) figure('same', 'All', 'of the model: this is what the index was built with');
  else figure('same', '', 'comparing the hits …');
  figure('work', percent(relativeMacs), isFull ? 'of the MACs' : `of ${shortPoint(full)}’s MACs`);
  byId('work-share', HTMLElement).style.width = `${100 * relativeMacs}%`;

  showPips(answer, comparison);
  const longest = Math.max(ms.total, comparison && reference ? reference.cost.ms.total : 0);
  const bars = [bar(answer.cost, longest)];
  if (!isFull) bars.push(comparison && reference ? bar(reference.cost, longest) : pendingBar(full));
  byId('bars', HTMLElement).replaceChildren(...bars);
  byId('legend', HTMLElement).replaceChildren(...parts(ms).map(([stage, value]) => legendEntry(stage, value)));
  note(isFull ? 'Choose a smaller operating point to see what it saves, and which hits it keeps.' : '');
}

/** @param {string} text why there is nothing to compare with, or another remark; '' for none */
function note(text) {
  const element = byId('cost-note', HTMLElement);
  element.textContent = text;
  element.hidden = text === '';
}

/** Gives up waiting for the full model's answer. @param {string} reason */
export function showNoComparison(reason) {
  byId('cost', HTMLElement).dataset.state = 'uncompared';
  figure('faster', '–', `no answer of ${shortPoint(full)}`);
  figure('same', '–', 'not compared');
  byId('bars', HTMLElement).lastElementChild?.remove();
  note(reason);
}

/** @param {number} times @returns {[string, string]} */
function speed(times) {
  const beside = shortPoint(full);
  if (times >= noticeable) return [`${times.toFixed(1)} times`, `faster than ${beside}`];
  if (times > 1 / noticeable) return ['Same', `speed as ${beside}, this time`];
  return [`${(1 / times).toFixed(1)} times`, `slower than ${beside}, this time`];
}

/** @param {string} id @param {string} value @param {string} meaning */
function figure(id, value, meaning) {
  const element = byId(id, HTMLElement);
  partOf(element, 'strong').textContent = value;
  partOf(element, 'span').textContent = ` ${meaning}`;
}

/**
 * One mark a hit, filled where the full model has it too.
 * @param {SearchAnswer} answer
 * @param {Comparison} [comparison]
 */
function showPips({ hits }, comparison) {
  byId('pips', HTMLElement).replaceChildren(
    ...hits.map(({ id }) => {
      const pip = document.createElement('i');
      if (comparison) pip.className = comparison.extra.has(id) ? 'extra' : 'same';
      return pip;
    }),
  );
}

/** @param {Cost} cost @param {number} longest milliseconds of the longest bar */
function bar({ at, ms }, longest) {
  const { root, part } = fromTemplate('bar-template');
  part('.bar-name').textContent = at;
  part('.bar-total').textContent = milliseconds(ms.total);
  const track = part('.bar');
  const spoken = parts(ms).map(([stage, value]) => `${stage} ${milliseconds(value)}`);
  track.setAttribute('aria-label', `${at}: ${spoken.join(', ')}`);
  for (const [stage, value] of parts(ms)) {
    const piece = document.createElement('i');
    piece.dataset.stage = stage;
    piece.style.width = `${(100 * value) / longest}%`;
    track.append(piece);
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

/** @param {string} stage @param {number} value */
function legendEntry(stage, value) {
  const entry = document.createElement('div');
  const term = textElement('dt', stage);
  term.dataset.stage = stage;
  entry.append(term, textElement('dd', milliseconds(value)));
  return entry;
}
