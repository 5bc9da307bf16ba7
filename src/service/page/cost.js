/** What an answer cost, and what it saved and lost beside the full model's. */
import { showBars, showPendingBars } from './bars.js';
import { compare } from './compare.js';
import { byId, partOf } from './dom.js';
import { milliseconds, percent } from './format.js';
import { frontierChoices } from './frontier.js';
import { full, shortPoint } from './point.js';

/**
 * @typedef {import('./api.js').EncodedAnswer} EncodedAnswer
 * @typedef {import('./api.js').Cost} Cost
 * @typedef {import('./compare.js').Comparison} Comparison
 */

/** From here on, one is called faster than the other. */
const noticeable = 1.05;
const card = byId('cost', HTMLElement);

/** Takes the room that an answer will take. */
export function showCostSkeleton() {
  card.dataset.state = 'loading';
  for (const id of ['faster', 'same', 'work']) figure(id, '', '…');
  byId('work-share', HTMLElement).style.width = '0';
  byId('pips', HTMLElement).replaceChildren();
  showPendingBars();
  note('');
}

/** Nothing was encoded: the index had the vectors. @param {number} examples */
export function showNoCost(examples) {
  card.dataset.state = 'stored';
  byId('stored-title', HTMLElement).textContent = 'Nothing had to be encoded';
  byId('stored-detail', HTMLElement).textContent =
    examples === 1
      ? 'The index has this picture’s embedding already, made by the full model.'
      : 'The index has the embeddings of these pictures already, made by the full model.';
  byId('encode', HTMLElement).hidden = examples !== 1;
  note('');
}

/**
 * @param {EncodedAnswer} answer
 * @param {EncodedAnswer} [reference] the full model's answer to the same query, when it is there
 */
export function showCost(answer, reference) {
  const { cost } = answer;
  const { at, ms, relativeMacs } = cost;
  const isFull = at === full;
  const comparison = reference && !isFull ? compare(answer, reference) : undefined;
  card.dataset.state = comparison ? 'compared' : isFull ? 'full' : 'comparing';

  byId('faster', HTMLElement).dataset.faster = String(comparison !== undefined && comparison.times >= noticeable);
  if (comparison) figure('faster', ...speed(comparison.times));
  else if (isFull) figure('faster', milliseconds(ms.total), 'from picture to hits');
  else figure('faster', '', `asking ${shortPoint(full)} too …`);

  if (comparison) figure('same', `${comparison.same} of ${comparison.of}`, `hits the same as ${shortPoint(full)}`);
  else if (isFull) figure('same', 'All', 'of the model: this is what the index was built with');
  else figure('same', '', 'comparing the hits …');
  figure('work', percent(relativeMacs), isFull ? 'of the MACs' : `of ${shortPoint(full)}’s MACs`);
  byId('work-share', HTMLElement).style.width = `${100 * relativeMacs}%`;

  showPips(answer, comparison);
  showBars(cost, comparison && reference?.cost, isFull ? undefined : full);
  note(why(cost));
}

/** Gives up waiting for the full model's answer. @param {EncodedAnswer} answer @param {string} reason */
export function showNoComparison({ cost }, reason) {
  card.dataset.state = 'uncompared';
  figure('faster', '–', `no answer of ${shortPoint(full)}`);
  figure('same', '–', 'not compared');
  showBars(cost, undefined);
  note(reason);
}

/** Why this point answered. @param {Cost} cost */
function why(cost) {
  const { at, why, ms, budget, predictedMs, waiting } = cost;
  if (!budget) return at === full ? 'A smaller operating point shows what it saves, and which hits it keeps.' : '';
  const fate = budget.met
    ? `It took ${milliseconds(ms.total)}: in time.`
    : `It took ${milliseconds(ms.total)}: ${milliseconds(ms.total - budget.ms)} too late.`;
  const queue = waiting > 0 ? `, with ${waiting} more waiting` : '';
  const limit = milliseconds(budget.ms);
  if (why === 'degraded') return `Nothing is sure to fit in ${limit} now${queue}: ${at} is the fastest. ${fate}`;
  if (why === 'probe')
    return `Nothing seemed to fit in ${limit}: ${at} was tried to see whether that still holds. ${fate}`;
  if (why !== 'fits') return fate; // whoever asked has named it, or would rather have it late
  const expected = milliseconds(predictedMs.service + predictedMs.answer);
  const company = hasYielded(cost) ? ' beside other requests' : '';
  return `${at} is the most faithful that fits${company}: at most ${expected} expected of ${limit}${queue}. ${fate}`;
}

/**
 * Would a more faithful point fit, were there no others to find time for? The chart shows which would.
 * @param {Cost} cost
 */
const hasYielded = ({ fidelity = 1, budget, predictedMs, rate }) =>
  budget !== undefined &&
  (rate > 0 || budget.allowedMs < budget.slackMs) &&
  frontierChoices().some(choice => choice.fidelity > fidelity && choice.ms - predictedMs.answer <= budget.slackMs);

/** @param {string} text a remark; '' for none */
function note(text) {
  const element = byId('cost-note', HTMLElement);
  element.textContent = text;
  element.hidden = text === '';
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
 * One mark a hit, filled where the full model has it too; then those that only it has.
 * @param {EncodedAnswer} answer
 * @param {Comparison} [comparison]
 */
function showPips({ hits }, comparison) {
  const kinds = hits.map(({ id }) => (comparison ? (comparison.extra.has(id) ? 'extra' : 'same') : ''));
  const others = comparison ? comparison.of - hits.length : 0;
  byId('pips', HTMLElement).replaceChildren(
    ...[...kinds, ...Array.from({ length: others }, () => '')].map(className =>
      Object.assign(document.createElement('i'), { className }),
    ),
  );
}
