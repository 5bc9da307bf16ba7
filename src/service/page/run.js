/** One search after another: what is asked, and what is shown while it is and when it has been answered. */
import { isByHand, showAim } from './aim.js';
import { markAnswered, showFrontier } from './budget.js';
import { sideBySide } from './beside.js';
import { compare } from './compare.js';
import { showPointProblem } from './controls.js';
import { showCost, showCostSkeleton, showNoCost } from './cost.js';
import { announce, byId, setHidden } from './dom.js';
import { countFacets, showFacets } from './facets.js';
import { isAboutPoint, showError } from './failure.js';
import { filterOf } from './filter.js';
import { milliseconds, plural } from './format.js';
import { refreshFrontier } from './frontier.js';
import { addHits, markHits, showHits, showSkeletons, thumbnailsShown } from './hits.js';
import { offerMore } from './more.js';
import { offerPages } from './pages.js';
import { full, printPoint, shortPoint } from './point.js';
import { search } from './query.js';
import { askAgain, askFull, isWarm, warmedUp } from './reference.js';
import { hideSide } from './side.js';
import { replaceState, setState, state } from './state.js';
import { show, showFamiliarity, showNothing, showTitle, showTrouble } from './view.js';
import { openViewer } from './viewer.js';

/**
 * @typedef {import('./api.js').SearchAnswer} SearchAnswer
 * @typedef {import('./api.js').EncodedAnswer} EncodedAnswer
 * @typedef {import('./query.js').Asking} Asking
 */

/** @param {SearchAnswer} found */
const headOf = ({ nothingLikeIt }) => (nothingLikeIt ? 'Nothing like it here; ' : '');

/**
 * @param {(field: string, value: import('./filter.js').Scalar) => void} onFacet
 */
export function makeSearch(onFacet) {
  /** The answer that is shown. @type {SearchAnswer | undefined} */
  let answer;
  /** and the full model's, if it is there @type {EncodedAnswer | undefined} */
  let reference;
  /** How the point of the answer was decided. @type {import('./aim.js').Aim | undefined} */
  let answered;
  /** Facets as they were counted last. @type {Map<string, import('./api.js').Facet[]>} */
  let counted = new Map();
  /** What is under way. */
  let running = new AbortController();

  /** Of what is asked, or beside an answer. @param {unknown} error */
  const fail = error => showError(error, answer);

  /** Another query is coming. */
  function forget() {
    answer = reference = answered = undefined;
    running.abort();
    markAnswered(undefined);
    hideSide();
    offerMore(undefined);
  }

  /** Shows that an answer is to come; its picture may be to come, too. */
  function expect() {
    const { query, k, selection } = state();
    show('searching', !!query);
    byId('hits-title', HTMLElement).textContent = 'Searching …';
    offerMore(undefined);
    showFacets(counted, selection, onFacet); // chips must not show another selection than they change
    if (answer) return;
    showCostSkeleton();
    showSkeletons(k);
    showFamiliarity({}, k);
    setHidden(byId('nothing', HTMLElement), true);
  }

  /** Searches; whatever was under way is dropped. */
  async function run() {
    const { query, aim, k, minScore, selection, isFolded, hasChoice } = state();
    showAim(aim, hasChoice);
    running.abort();
    running = new AbortController();
    const { signal } = running;
    if (!query) {
      show('empty', false);
      return;
    }
    expect();
    const filter = filterOf(selection);
    const common = { k, minScore, filter, ...(isFolded && { collapse: true }) };
    const ask = (/** @type {Asking} */ asking) => search(query, asking, signal);
    const isFixed = isByHand(aim, hasChoice);
    const chosen = isFixed ? { at: printPoint(aim.point) } : { budgetMs: aim.budgetMs };
    try {
      const found = await ask({ ...common, ...chosen });
      answer = found;
      answered = aim;
      reference = query.references.get(JSON.stringify(common));
      showAnswer(found);
      if (found.cost) await beside({ ...found, cost: found.cost }, { ask, common, isFixed, signal });
      await showCounts(found.hits, selection, signal);
      // later pages by the same point, whatever the budget chose
      const same = { ...common, ...(found.cost && { at: found.cost.at }) };
      offerPages(found, cursor => ask({ ...same, cursor }), showMore, fail);
      if (hasChoice) await refreshFrontier().then(showFrontier, () => undefined);
    } catch (error) {
      if (signal.aborted) return;
      if (!isAboutPoint(error) || !answered || answered === aim) return fail(error);
      // what is shown stays, and what it was asked with is asked again
      setState({ aim: answered });
      replaceState();
      void run();
      showPointProblem(`${error.message}: ${error.detail}`, aim.point);
    }
  }

  /**
   * Hits are as good where their facets cannot be counted.
   * @param {readonly import('./api.js').Hit[]} hits
   * @param {import('./filter.js').Selection} selection
   * @param {AbortSignal} signal
   */
  async function showCounts(hits, selection, signal) {
    counted = await countFacets(hits, selection, signal).catch(() => counted);
    signal.throwIfAborted();
    showFacets(counted, selection, onFacet);
  }

  /**
   * Compares an answer with the full model's.
   * @param {EncodedAnswer} first
   * @param {{ ask: (asking: Asking) => Promise<SearchAnswer>, common: Asking, isFixed: boolean, signal: AbortSignal }} how
   */
  async function beside(first, { ask, common, isFixed, signal }) {
    const { at } = first.cost;
    const isCold = isFixed && !isWarm(at);
    warmedUp(at);
    showCost(first, isCold ? undefined : reference);
    markAnswered({ at, ms: first.cost.ms.total });
    // the server makes thumbnails with the same cores, and what is compared shall have them to itself
    if (isCold || !reference) await thumbnailsShown();
    signal.throwIfAborted();
    const found = isCold ? await askAgain(ask, common, first) : first;
    if (!found) return;
    answer = found;
    reference ??= at === full ? found : await askFull(ask, common, found);
    if (!reference) return;
    state().query?.references.set(JSON.stringify(common), reference);
    showCost(found, reference);
    showFamiliarity(reference, found.hits.length); // it can tell best
    if (at !== full) {
      const comparison = compare(found, reference);
      markHits(comparison, onOpen);
      announce(
        `${headOf(reference)}${plural(found.hits.length, 'hit')} at ${at} in ${milliseconds(found.cost.ms.total)}, ` +
          `${comparison.same} of ${comparison.of} the same as ${shortPoint(full)}, ` +
          `which took ${milliseconds(reference.cost.ms.total)}.`,
      );
    }
    const askAt = (/** @type {string} */ other) => ask({ ...common, at: other });
    await sideBySide(found, reference, { askAt, signal, onOpen, fail });
  }

  /** @param {SearchAnswer} found */
  function showAnswer(found) {
    const { hits, cost } = found;
    const { query, minScore, selection } = state();
    show('answer', true);
    showTitle(hits.length);
    showFamiliarity(found, hits.length);
    showNothing(hits.length === 0, { minScore, hasFilter: selection.size > 0, at: cost?.at });
    showHits(hits, { queryId: query?.examples[0]?.id, onOpen });
    hideSide();
    if (!cost) showNoCost(query?.examples.length ?? 1);
    announce(
      headOf(found) + plural(hits.length, 'hit') + (cost ? ` at ${cost.at} in ${milliseconds(cost.ms.total)}.` : '.'),
    );
  }

  /** @param {import('./api.js').Hit[]} hits of a later page */
  function showMore(hits) {
    if (!answer) return;
    const known = new Set(answer.hits.map(({ id }) => id));
    const fresh = hits.filter(({ id }) => !known.has(id));
    answer = { ...answer, hits: [...answer.hits, ...fresh] };
    addHits(fresh, onOpen);
    showTitle(answer.hits.length);
    showTrouble('');
    announce(`${plural(fresh.length, 'more hit')}.`);
  }

  /** @param {import('./api.js').Hit} hit */
  function onOpen(hit) {
    if (!answer) return;
    const isCompared = answer.cost && answer.cost.at !== full && reference;
    const theirs = isCompared && reference ? reference.hits : [];
    const own = new Set(answer.hits.map(({ id }) => id));
    const missed = theirs.filter(({ id }) => !own.has(id));
    openViewer(hit, { answered: answer.hits, missed, reference: theirs });
  }

  return { run, expect, forget, fail };
}
