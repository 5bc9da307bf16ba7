/** Which parts of the page are shown. */
import { byId, setHidden } from './dom.js';
import { plural } from './format.js';
import { full, shortPoint } from './point.js';

/** @param {'empty' | 'searching' | 'answer' | 'error'} view @param {boolean} hasQuery */
export function show(view, hasQuery) {
  document.body.dataset.view = view;
  byId('intro', HTMLElement).hidden = view !== 'empty';
  setHidden(byId('panel', HTMLElement), !hasQuery);
  byId('results', HTMLElement).hidden = view === 'empty';
  byId('cost', HTMLElement).hidden = view === 'error';
  byId('found', HTMLElement).hidden = view === 'error';
  setHidden(byId('failure', HTMLElement), view !== 'error');
  byId('results', HTMLElement).ariaBusy = String(view === 'searching');
  showTrouble('');
}

/** Is an answer there, rather than on its way? */
export const isAnswered = () => document.body.dataset.view === 'answer';

/** What went wrong beside an answer, which stays. @param {string} text '' for nothing */
export function showTrouble(text) {
  byId('trouble', HTMLElement).textContent = text;
  byId('trouble', HTMLElement).hidden = text === '';
}

/** @param {number} count */
export function showTitle(count) {
  const title = count === 0 ? 'No pictures' : count === 1 ? 'Nearest picture' : `${plural(count, 'nearest picture')}`;
  byId('hits-title', HTMLElement).textContent = title;
}

/**
 * Without hits it is said where it is said that there are none.
 * @param {Pick<import('./api.js').SearchAnswer, 'familiarity' | 'nothingLikeIt'>} answer
 * @param {number} count of the hits that are shown
 */
export function showFamiliarity({ familiarity = 1, nothingLikeIt = false }, count) {
  const share = Math.floor(100 * (1 - familiarity));
  const fact = `${share}% of the pictures here have a nearer neighbour than yours has.`;
  byId('unfamiliar', HTMLElement).hidden = !nothingLikeIt || count === 0;
  byId('unfamiliar-detail', HTMLElement).textContent = `These are the nearest, but ${fact}`;
  byId('nothing-unfamiliar', HTMLElement).hidden = !nothingLikeIt;
  byId('nothing-unfamiliar', HTMLElement).textContent = fact;
}

/** @param {import('./api.js').Problem} problem */
export function showFailure(problem) {
  const inControls = byId('panel', HTMLElement).contains(document.activeElement);
  show('error', !byId('panel', HTMLElement).hidden);
  byId('failure-title', HTMLElement).textContent = problem.message;
  byId('failure-detail', HTMLElement).textContent = problem.detail;
  byId('failure-code', HTMLElement).textContent = problem.code;
  if (!inControls) byId('failure-title', HTMLElement).focus({ preventScroll: true });
}

/**
 * Says why there is nothing, where there is nothing.
 * @param {boolean} isNothing
 * @param {{ minScore: number | undefined, hasFilter: boolean, at: string | undefined }} why `at` is what answered
 */
export function showNothing(isNothing, { minScore, hasFilter, at = full }) {
  setHidden(byId('nothing', HTMLElement), !isNothing);
  setHidden(byId('any-score', HTMLElement), minScore === undefined);
  setHidden(byId('no-filter', HTMLElement), !hasFilter);
  byId('nothing-title', HTMLElement).textContent =
    minScore !== undefined ? 'Nothing like it here' : hasFilter ? 'No picture passes' : 'No pictures';
  const among = hasFilter ? 'No picture that passes the filter' : 'No picture of the index';
  const by = at === full ? '' : ` at ${shortPoint(at)}`; // the full model may see more in it
  byId('nothing-detail', HTMLElement).textContent =
    minScore !== undefined
      ? `${among} has a similarity of ${minScore.toFixed(2)} or more${by}.`
      : hasFilter
        ? 'Take a condition away to see more.'
        : 'The index has no pictures to compare with.';
}
