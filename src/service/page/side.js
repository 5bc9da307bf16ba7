/** The answer beside that of another operating point, hit by hit: of the full model's, unless another is chosen. */
import { thumbnailUrl } from './api.js';
import { byId, fromTemplate, setHidden, textElement } from './dom.js';
import { titleOf } from './format.js';
import { frontierChoices } from './frontier.js';
import { choices, full, shortPoint } from './point.js';

/** @typedef {import('./api.js').Hit} Hit */

const part = byId('side', HTMLElement);
const toggle = byId('side-toggle', HTMLButtonElement);
const select = byId('side-at', HTMLSelectElement);
/** Does the person want to see it, when there is one? */
let isWanted = false;
/** The point that is chosen to be compared with. */
let chosen = full;
/** @type {() => unknown} */
let onWish = () => undefined;

toggle.addEventListener('click', () => {
  isWanted = !isWanted;
  arrange(true);
  if (isWanted) onWish();
});
select.addEventListener('change', () => {
  chosen = select.value;
  onWish();
});

/** @param {string} at of the answer @returns {string | undefined} what it is compared with, if somebody wants to see that */
export const wantedBeside = at => (isWanted ? besideOf(at) : undefined);

/** Not with itself. @param {string} at */
const besideOf = at => (chosen !== at ? chosen : at === full ? cheapest() : full);

const cheapest = () => frontierChoices()[0]?.at ?? 'S@112:int8';

/** Every point that can be chosen: those of the frontier, and all that the page offers by hand. @param {string} at of the answer */
function showChoices(at) {
  const byHand = choices.submodel.flatMap(submodel =>
    choices.resolution.flatMap(side => choices.precision.map(precision => `${submodel}@${side}:${precision}`)),
  );
  const points = new Set([full, ...frontierChoices().map(choice => choice.at), ...byHand]);
  points.delete(at);
  select.replaceChildren(
    ...[...points].map(point => Object.assign(textElement('option', shortPoint(point)), { value: point })),
  );
  select.value = besideOf(at);
}

/** @param {boolean} isThere is there something to compare? */
function arrange(isThere) {
  const isShown = isThere && isWanted && part.childElementCount > 0;
  toggle.hidden = !isThere;
  toggle.ariaPressed = String(isWanted);
  byId('side-with', HTMLElement).hidden = !isThere || !isWanted;
  setHidden(part, !isShown);
  byId('list', HTMLElement).hidden = isShown;
}

/**
 * There is an answer that could be compared.
 * @param {string} at its point @param {() => unknown} compare called when somebody wants to see it, or with another point
 */
export function offerSide(at, compare) {
  onWish = compare;
  showChoices(at);
  arrange(true);
}

/** There is nothing to compare, or not yet. */
export function hideSide() {
  arrange(false);
  part.replaceChildren();
}

/**
 * @param {{ at: string, hits: readonly Hit[] }} answer
 * @param {{ at: string, hits: readonly Hit[] }} reference
 * @param {(hit: Hit) => void} onOpen
 */
export function showSide(answer, reference, onOpen) {
  part.replaceChildren(column(answer, reference, onOpen), column(reference, answer, onOpen));
  for (const item of part.querySelectorAll('li'))
    for (const [name, lit] of /** @type {const} */ ([
      ['pointerenter', true],
      ['focusin', true],
      ['pointerleave', false],
      ['focusout', false],
    ]))
      item.addEventListener(name, () => {
        for (const twin of part.querySelectorAll(`[data-id="${item.dataset.id}"]`)) twin.classList.toggle('lit', lit);
      });
  arrange(true);
}

/** @param {{ at: string, hits: readonly Hit[] }} own @param {{ at: string, hits: readonly Hit[] }} other @param {(hit: Hit) => void} onOpen */
function column(own, other, onOpen) {
  const { root, part: inside } = fromTemplate('column-template');
  inside('h3').textContent = shortPoint(own.at);
  for (const [i, hit] of own.hits.entries()) {
    const { root: row, part: of } = fromTemplate('row-template');
    row.dataset.id = String(hit.id);
    of('.row-rank').textContent = String(i + 1);
    Object.assign(of('img'), { src: thumbnailUrl(hit.id) });
    of('.row-name').textContent = titleOf(hit);
    of('.row-score').textContent = hit.score.toFixed(3);
    of('.row-move').replaceWith(
      move(
        i,
        other.hits.findIndex(({ id }) => id === hit.id),
        other.at,
      ),
    );
    of('button').addEventListener('click', () => onOpen(hit));
    inside('ol').append(row);
  }
  return root;
}

/** Where the same hit is on the other side. @param {number} here @param {number} there -1 if nowhere @param {string} beside */
function move(here, there, beside) {
  const name = shortPoint(beside);
  if (there < 0) return moveElement('only', 'only here', `not among ${name}’s`);
  if (there === here) return moveElement('same', '=', `the same at ${name}`);
  return moveElement('moved', `${there < here ? '↑' : '↓'} ${there + 1}`, `hit ${there + 1} at ${name}`);
}

/** @param {string} kind @param {string} text @param {string} meaning */
function moveElement(kind, text, meaning) {
  const element = textElement('span', '', 'row-move');
  element.dataset.kind = kind;
  const shown = textElement('span', text);
  shown.ariaHidden = 'true';
  element.append(shown, textElement('span', meaning, 'visually-hidden'));
  element.title = meaning;
  return element;
}
