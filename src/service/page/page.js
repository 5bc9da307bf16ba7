/** The page: a picture and an operating point in, the nearest pictures and what they cost out. */
import { counts, hashOf, readAddress } from './address.js';
import { Problem, health, picture, search, thumbnail } from './api.js';
import { makeControls, showPoint, showPointProblem } from './controls.js';
import { compare, showCost, showCostSkeleton, showNoComparison } from './cost.js';
import { announce, byId, partOf, textElement } from './dom.js';
import { bytes, fileName, milliseconds, plural } from './format.js';
import { markHits, showHits, showSkeletons, thumbnailsShown } from './hits.js';
import { takePictures } from './intake.js';
import { full, printPoint, shortPoint } from './point.js';
import { showSamples } from './samples.js';
import { makeViewer, openViewer } from './viewer.js';

/**
 * @typedef {import('./api.js').SearchAnswer} SearchAnswer
 * @typedef {object} Query a picture to search with
 * @property {Blob} blob
 * @property {string} name
 * @property {number} [id] if it is one of the index
 * @property {SearchAnswer} [reference] the full model's answer, asked for once
 */

const answersAbout = new Set(['SUBMODEL_INVALID', 'OPERATING_POINT_INVALID', 'RESOLUTION_INVALID']);

let { at, k } = readAddress();
/** @type {Query | undefined} */
let query;
/** The answer that is shown. @type {SearchAnswer | undefined} */
let answer;
/**
 * Points that the server has computed for this page. The first time at a point takes it longer, since its working
 * memory is made then: such a search is timed again before it is compared.
 * @type {Set<string>}
 */
const warm = new Set();
/** What is under way. */
let running = new AbortController();
/** This visit's queries, so that Back finds uploaded ones too: history.state holds the index. @type {Query[]} */
const queries = [];
/** Tells this visit's states from those before a reload. */
const visit = performance.timeOrigin;

/** @param {Query} next */
const stateOf = next => ({ visit, query: queries.push(next) - 1 });

/** @param {'empty' | 'searching' | 'answer' | 'error'} view */
function show(view) {
  document.body.dataset.view = view;
  byId('intro', HTMLElement).hidden = view !== 'empty';
  byId('panel', HTMLElement).hidden = !query;
  byId('results', HTMLElement).hidden = view === 'empty';
  byId('failure', HTMLElement).hidden = view !== 'error';
  byId('cost', HTMLElement).hidden = view === 'error';
  byId('found', HTMLElement).hidden = view === 'error';
  byId('results', HTMLElement).ariaBusy = String(view === 'searching');
}

/** @param {Query | undefined} next */
function setQuery(next) {
  query = next;
  answer = undefined;
  if (!next) {
    running.abort();
    show('empty');
    return;
  }
  const image = byId('query-image', HTMLImageElement);
  if (image.src) URL.revokeObjectURL(image.src);
  image.hidden = false;
  byId('query-unshown', HTMLElement).hidden = true;
  image.src = URL.createObjectURL(next.blob);
  byId('query-name', HTMLElement).textContent = next.name;
  byId('query-size', HTMLElement).textContent = bytes(next.blob.size);
  byId('query-size', HTMLElement).dataset.bytes = bytes(next.blob.size);
}

/** A new picture: searches with it. @param {Query} next */
async function start(next) {
  setQuery(next);
  history.pushState(stateOf(next), '', hashOf({ at, k, like: next.id }));
  scrollTo({ top: 0 });
  const done = run();
  byId('hits-title', HTMLElement).focus({ preventScroll: true });
  await done;
}

/** Starts from a picture of the index. @param {{ id: number, path: string }} found */
async function startFrom({ id, path }) {
  try {
    await start({ blob: await thumbnail(id), name: fileName(path), id });
  } catch (error) {
    fail(error);
  }
}

/** Searches with the picture at the operating point; whatever was under way is dropped. */
async function run() {
  showPoint(at);
  if (!query) return;
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const asked = query;
  show('searching');
  byId('hits-title', HTMLElement).textContent = 'Searching …';
  if (!answer) {
    showCostSkeleton();
    showSkeletons(k);
  }
  try {
    const ask = (/** @type {string} */ point) => search(asked.blob, { at: point, k, signal });
    let found = await ask(printPoint(at));
    answer = found;
    const { hits, cost } = found;
    const cold = !warm.has(cost.at);
    warm.add(cost.at);
    const known = asked.reference && asked.reference.hits.length >= hits.length;
    show('answer');
    byId('hits-title', HTMLElement).textContent =
      hits.length === 1 ? 'Nearest picture' : `${hits.length} nearest pictures`;
    byId('nothing', HTMLElement).hidden = hits.length > 0;
    showHits(hits, { queryId: asked.id, onOpen });
    showCost(found, cold || !known ? undefined : asked.reference);
    announce(`${plural(hits.length, 'hit')} at ${cost.at} in ${milliseconds(cost.ms.total)}.`);

    // the server makes thumbnails with the same cores, and what is compared shall have them to itself
    if (cold || !known) await thumbnailsShown();
    signal.throwIfAborted();
    if (cold) found = answer = await ask(cost.at);
    const reference = cost.at === full ? found : known ? asked.reference : await askFull(ask);
    if (!reference) return;
    asked.reference = reference;
    showComparison(found, reference);
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
}

/** @param {(point: string) => Promise<SearchAnswer>} ask @returns {Promise<SearchAnswer | undefined>} */
async function askFull(ask) {
  try {
    const reference = await ask(full);
    if (warm.has(full)) return reference;
    warm.add(full);
    return await ask(full);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showNoComparison(`${shortPoint(full)} could not be asked: ${error.message}${error.detail && ` (${error.detail})`}`);
    return undefined;
  }
}

/** @param {SearchAnswer} found @param {SearchAnswer} reference */
function showComparison(found, reference) {
  showCost(found, reference);
  if (found.cost.at === full) return;
  const comparison = compare(found, reference);
  markHits(comparison, onOpen);
  announce(
    `${plural(found.hits.length, 'hit')} at ${found.cost.at} in ${milliseconds(found.cost.ms.total)}, ` +
      `${comparison.same} the same as ${shortPoint(full)}, which took ${milliseconds(reference.cost.ms.total)}.`,
  );
}

/** @param {import('./api.js').Hit} hit */
function onOpen(hit) {
  const reference = query?.reference;
  if (!answer) return;
  const missed = reference ? compare(answer, reference).missed : [];
  const theirs = reference?.hits.slice(0, answer.hits.length) ?? [];
  openViewer(hit, { answered: answer.hits, missed, reference: answer.cost.at === full ? [] : theirs });
}

/** @param {unknown} error */
function fail(error) {
  const problem =
    error instanceof Problem ? error : new Problem({ title: 'The page failed', detail: String(error), code: 'PAGE' });
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

/** @param {import('./point.js').Point} point */
function setPoint(point) {
  at = point;
  keepAddress();
  void run();
}

const keepAddress = () => history.replaceState(history.state, '', hashOf({ at, k, like: query?.id }));

function showCounts() {
  const select = byId('k', HTMLSelectElement);
  const options = [...new Set([...counts, k])].sort((a, b) => a - b);
  select.replaceChildren(
    ...options.map(count => Object.assign(textElement('option', `${count} hits`), { value: count })),
  );
  select.value = String(k);
}

/** Follows the address, to which Back, Forward or a person went. @param {unknown} state of the history */
async function follow(state) {
  const address = readAddress();
  ({ at, k } = address);
  showCounts();
  showPoint(at);
  const left = /** @type {ReturnType<typeof stateOf> | null} */ (state);
  const known = left?.visit === visit ? queries[left.query] : undefined;
  try {
    if (known) setQuery(known);
    else if (address.like !== undefined) {
      setQuery(undefined);
      const { id, path } = await picture(address.like);
      const asked = { blob: await thumbnail(id), name: fileName(path), id };
      history.replaceState(stateOf(asked), '');
      setQuery(asked);
    } else setQuery(undefined);
    await run();
  } catch (error) {
    fail(error);
  }
}

async function connect() {
  const line = byId('health', HTMLElement);
  const text = byId('health-text', HTMLElement);
  try {
    const { images, engine } = await health();
    line.dataset.state = 'ok';
    text.textContent = `${plural(images, 'picture')} · ${engine}`;
    byId('empty-index', HTMLElement).hidden = images > 0;
    if (images > 0) await showSamples(images, startFrom);
  } catch (error) {
    line.dataset.state = 'down';
    text.textContent = error instanceof Problem ? error.message : 'No connection';
  }
}

makeControls(setPoint);
makeViewer(startFrom);
takePictures(file => void start({ blob: file, name: file.name }));

byId('k', HTMLSelectElement).addEventListener('change', event => {
  k = Number(/** @type {HTMLSelectElement} */ (event.target).value);
  keepAddress();
  void run();
});
byId('retry', HTMLElement).addEventListener('click', () => void (query ? run() : follow(history.state)));
byId('start-over', HTMLElement).addEventListener('click', () => {
  setQuery(undefined);
  history.pushState(null, '', hashOf({ at, k, like: undefined }));
  partOf(document.body, '#intro input').focus();
});
byId('query-image', HTMLImageElement).addEventListener('load', event => {
  const { naturalWidth, naturalHeight } = /** @type {HTMLImageElement} */ (event.target);
  const size = byId('query-size', HTMLElement);
  size.textContent = `${naturalWidth} × ${naturalHeight} · ${size.dataset.bytes}`;
});
// the service reads formats that browsers do not
byId('query-image', HTMLImageElement).addEventListener('error', event => {
  /** @type {HTMLImageElement} */ (event.target).hidden = true;
  byId('query-unshown', HTMLElement).hidden = false;
});
document.querySelector('.skip')?.addEventListener('click', event => {
  event.preventDefault(); // the hash is the operating point's
  byId('hits-title', HTMLElement).focus();
});
addEventListener('popstate', event => void follow(event.state));

void connect();
void follow(history.state);
