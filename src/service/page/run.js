/** One search after another: what is asked, and what is shown while it is and when it has been answered. */
import { Problem } from './api.js';
import { showAim } from './aim.js';
import { markAnswered, showFrontier } from './budget.js';
import { compare } from './compare.js';
import { showPointProblem } from './controls.js';
import { showCost, showCostSkeleton, showNoComparison } from './cost.js';
import { announce, byId } from './dom.js';
import { milliseconds, plural } from './format.js';
import { frontierChoices, refreshFrontier } from './frontier.js';
import { markHits, showHits, showSkeletons, thumbnailsShown } from './hits.js';
import { full, printPoint, shortPoint } from './point.js';
import { search } from './query.js';
import { hideSide, showSide } from './side.js';
import { openViewer } from './viewer.js';

/**
 * @typedef {import('./api.js').SearchAnswer} SearchAnswer
 * @typedef {{ query: import('./query.js').Query | undefined, aim: import('./aim.js').Aim, k: number, hasChoice: boolean }} State
 */

const answersAbout = new Set(['SUBMODEL_INVALID', 'OPERATING_POINT_INVALID', 'RESOLUTION_INVALID']);

/**
 * Points that the server has computed for this page. The first time at a point takes it longer, since its working
 * memory is made then: such a search is timed again before it is compared. Those of the frontier it has tried itself.
 * @type {Set<string>}
 */
const warm = new Set();

/** @param {{ state: () => State }} options */
export function makeSearch({ state }) {
  /** The answer that is shown. @type {SearchAnswer | undefined} */
  let answer;
  /** and the full model's, if it is there @type {SearchAnswer | undefined} */
  let reference;
  /** What is under way. */
  let running = new AbortController();

  /** @param {'empty' | 'searching' | 'answer' | 'error'} view */
  function show(view) {
    document.body.dataset.view = view;
    byId('intro', HTMLElement).hidden = view !== 'empty';
    byId('panel', HTMLElement).hidden = !state().query;
    byId('results', HTMLElement).hidden = view === 'empty';
    byId('failure', HTMLElement).hidden = view !== 'error';
    byId('cost', HTMLElement).hidden = view === 'error';
    byId('found', HTMLElement).hidden = view === 'error';
    byId('results', HTMLElement).ariaBusy = String(view === 'searching');
  }

  /** Another query is coming. */
  function forget() {
    answer = reference = undefined;
    running.abort();
    markAnswered(undefined);
    hideSide();
  }

  /** Searches; whatever was under way is dropped. */
  async function run() {
    const { query, aim, k, hasChoice } = state();
    showAim(aim, hasChoice);
    running.abort();
    running = new AbortController();
    const { signal } = running;
    show(query ? 'searching' : 'empty');
    if (!query) return;
    byId('hits-title', HTMLElement).textContent = 'Searching …';
    if (!answer) {
      showCostSkeleton();
      showSkeletons(k);
    }
    try {
      const ask = (/** @type {import('./query.js').Asking} */ asking) => search(query, asking, signal);
      let found = await ask({ k, ...(aim.isFixed ? { at: printPoint(aim.point) } : { budgetMs: aim.budgetMs }) });
      const { at } = found.cost;
      const isCold = aim.isFixed && !isWarm(at);
      warm.add(at);
      answer = found;
      reference = query.references.get(k);
      showAnswer(found, isCold ? undefined : reference);

      // the server makes thumbnails with the same cores, and what is compared shall have them to itself
      if (isCold || !reference) await thumbnailsShown();
      signal.throwIfAborted();
      if (isCold) found = answer = await ask({ k, at });
      reference ??= at === full ? found : await askFull(ask, found, k);
      if (!reference) return;
      query.references.set(k, reference);
      showComparison(found, reference);
      if (hasChoice) await refreshFrontier().then(showFrontier, () => undefined);
    } catch (error) {
      if (!signal.aborted) fail(error);
    }
  }

  /** @param {SearchAnswer} found @param {SearchAnswer | undefined} known the full model's answer */
  function showAnswer(found, known) {
    const { hits, cost } = found;
    show('answer');
    byId('hits-title', HTMLElement).textContent =
      hits.length === 1 ? 'Nearest picture' : `${hits.length} nearest pictures`;
    byId('nothing', HTMLElement).hidden = hits.length > 0;
    showHits(hits, { queryId: state().query?.examples[0]?.id, onOpen });
    hideSide();
    showCost(found, known);
    markAnswered({ at: cost.at, ms: cost.ms.total });
    announce(`${plural(hits.length, 'hit')} at ${cost.at} in ${milliseconds(cost.ms.total)}.`);
  }

  /** @param {SearchAnswer} found @param {SearchAnswer} whole the full model's */
  function showComparison(found, whole) {
    const { hits, cost } = found;
    showCost(found, whole);
    if (cost.at === full) return;
    const comparison = compare(found, whole);
    markHits(comparison, onOpen);
    showSide({ at: cost.at, hits }, { at: full, hits: whole.hits.slice(0, hits.length) }, onOpen);
    announce(
      `${plural(hits.length, 'hit')} at ${cost.at} in ${milliseconds(cost.ms.total)}, ` +
        `${comparison.same} the same as ${shortPoint(full)}, which took ${milliseconds(whole.cost.ms.total)}.`,
    );
  }

  /** @param {import('./api.js').Hit} hit */
  function onOpen(hit) {
    if (!answer) return;
    const missed = reference ? compare(answer, reference).missed : [];
    const theirs = reference?.hits.slice(0, answer.hits.length) ?? [];
    openViewer(hit, { answered: answer.hits, missed, reference: answer.cost.at === full ? [] : theirs });
  }

  /** @param {unknown} error */
  function fail(error) {
    const detail = String(error);
    const problem = error instanceof Problem ? error : new Problem({ title: 'The page failed', detail, code: 'PAGE' });
    if (answersAbout.has(problem.code)) {
      showPointProblem(`${problem.message}: ${problem.detail}`);
      if (answer) {
        // the last answer stays
        show('answer');
        byId('hits-title', HTMLElement).textContent = `${answer.hits.length} nearest pictures at ${answer.cost.at}`;
        return;
      }
    }
    const inControls = byId('panel', HTMLElement).contains(document.activeElement);
    show('error');
    byId('failure-title', HTMLElement).textContent = problem.message;
    byId('failure-detail', HTMLElement).textContent = problem.detail;
    byId('failure-code', HTMLElement).textContent = problem.code;
    if (!inControls) byId('failure-title', HTMLElement).focus({ preventScroll: true });
  }

  return { run, forget, fail };
}

/** @param {string} at */
const isWarm = at =>
  warm.has(at) || (frontierChoices().length > 1 && frontierChoices().some(choice => choice.at === at));

/**
 * @param {(asking: import('./query.js').Asking) => Promise<SearchAnswer>} ask
 * @param {SearchAnswer} found @param {number} k
 * @returns {Promise<SearchAnswer | undefined>}
 */
async function askFull(ask, found, k) {
  try {
    const whole = await ask({ k, at: full });
    if (isWarm(full)) return whole;
    warm.add(full);
    return await ask({ k, at: full });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const reason = `${shortPoint(full)} could not be asked: ${error.message}`;
    showNoComparison(found, reason + (error.detail && ` (${error.detail})`));
    return undefined;
  }
}
