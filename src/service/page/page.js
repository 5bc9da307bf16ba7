/** The page: pictures and a latency budget in, the nearest pictures and what they cost out. */
import { counts, hashOf, readAddress } from './address.js';
import { makeAim, showAim } from './aim.js';
import { Problem, health, picture, thumbnail } from './api.js';
import { showFrontier } from './budget.js';
import { makeCrop } from './crop.js';
import { announce, byId, partOf, textElement } from './dom.js';
import { leading, showExamples } from './examples.js';
import { toggled } from './filter.js';
import { fileName, plural } from './format.js';
import { initialBudget, refreshFrontier, watchFrontier } from './frontier.js';
import { makeHits } from './hits.js';
import { takePictures } from './intake.js';
import { makePreview, showPreview } from './preview.js';
import { queryOf } from './query.js';
import { makeSearch } from './run.js';
import { showSamples } from './samples.js';
import { makeThreshold, showThreshold } from './threshold.js';
import { makeViewer } from './viewer.js';
import { pushVisit, replaceVisit, visited } from './visit.js';

/**
 * @typedef {import('./query.js').Query} Query
 * @typedef {import('./query.js').Example} Example
 * @typedef {{ id: number, path: string }} Named
 */

let { aim, k, minScore, selection } = readAddress();
/** @type {Query | undefined} */
let query;
/** Are there points for a budget to choose from? */
let hasChoice = false;

const { run, forget, fail } = makeSearch({
  state: () => ({ query, aim, k, minScore, selection, hasChoice }),
  onFacet: (field, value) => narrow({ selection: toggled(selection, field, value) }),
});

function hash() {
  const [first] = query?.examples ?? [];
  const [like, sample] = first?.blob ? [undefined, first.id] : [first?.id, undefined];
  return hashOf({ aim, k, minScore, selection, like, sample });
}

/** @param {Query | undefined} next */
function setQuery(next) {
  query = next;
  const [first] = next?.examples ?? [];
  if (!next || !first) return;
  showPreview(first);
  showExamples(next.examples, examples => refine(examples));
}

/** A new picture: searches with it. @param {Example} example */
async function start(example) {
  forget();
  setQuery(queryOf([example]));
  pushVisit(query, hash());
  scrollTo({ top: 0 });
  const done = run();
  byId('hits-title', HTMLElement).focus({ preventScroll: true });
  await done;
}

/** The same query with other examples. @param {readonly Example[]} examples */
function refine(examples) {
  const ordered = leading(examples);
  if (ordered.length === 0) startOver();
  else {
    setQuery(queryOf(ordered));
    pushVisit(query, hash());
    void run();
  }
}

/** More or less like a picture of the index. @param {Named} found @param {1 | -1} weight */
function addExample(found, weight) {
  const others = (query?.examples ?? []).filter(({ id, blob }) => blob || id !== found.id);
  const example = { id: found.id, name: fileName(found.path), weight };
  announce(`${weight > 0 ? 'More' : 'Less'} like ${example.name}.`);
  refine([...others, example]);
}

/** Searches with a picture of the index, whose embedding is known. @param {Named} found */
const startLike = ({ id, path }) => void start({ id, name: fileName(path), weight: 1 });

/** Searches with a picture of the index as if it were new. @param {Named} found */
async function startFrom({ id, path }) {
  try {
    await start({ blob: await thumbnail(id), name: fileName(path), id, weight: 1 });
  } catch (error) {
    fail(error);
  }
}

function startOver() {
  forget();
  setQuery(undefined);
  void run();
  pushVisit(undefined, hash());
  partOf(document.body, '#intro input').focus();
}

/** Other conditions on the hits. @param {{ selection?: typeof selection, minScore?: number | undefined }} change */
function narrow(change) {
  if (change.selection) selection = change.selection;
  if ('minScore' in change) minScore = change.minScore;
  showThreshold(minScore);
  replaceVisit(query, hash());
  void run();
}

/** @param {import('./aim.js').Aim} next */
function setAim(next) {
  aim = next;
  replaceVisit(query, hash());
  void run();
}

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
  ({ k, minScore, selection } = address);
  aim = { ...address.aim, isFixed: address.aim.isFixed || !hasChoice };
  if (!aim.isFixed) aim.budgetMs ??= initialBudget();
  showCounts();
  showThreshold(minScore);
  showAim(aim, hasChoice);
  forget();
  const known = visited(state);
  try {
    const id = address.like ?? address.sample;
    setQuery(known);
    if (!known && id !== undefined) {
      const { path } = await picture(id);
      const blob = address.sample === undefined ? undefined : await thumbnail(id);
      setQuery(queryOf([{ ...(blob && { blob }), id, name: fileName(path), weight: 1 }]));
      replaceVisit(query, hash());
    }
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

async function begin() {
  // without it, points are chosen by hand
  hasChoice = await refreshFrontier().catch(() => false);
  if (hasChoice) watchFrontier(showFrontier);
  await follow(history.state);
}

makeAim(setAim);
makePreview();
makeHits(addExample);
makeViewer(startLike, addExample);
makeThreshold(least => narrow({ minScore: least }));
makeCrop(crop => {
  const [first, ...others] = query?.examples ?? [];
  if (first) refine([{ ...first, crop }, ...others]);
});
takePictures(file => void start({ blob: file, name: file.name, weight: 1 }));

byId('k', HTMLSelectElement).addEventListener('change', event => {
  k = Number(/** @type {HTMLSelectElement} */ (event.target).value);
  replaceVisit(query, hash());
  void run();
});
byId('retry', HTMLElement).addEventListener('click', () => void (query ? run() : follow(history.state)));
byId('start-over', HTMLElement).addEventListener('click', startOver);
byId('any-score', HTMLElement).addEventListener('click', () => narrow({ minScore: undefined }));
byId('no-filter', HTMLElement).addEventListener('click', () => narrow({ selection: new Map() }));
byId('encode', HTMLElement).addEventListener('click', () => {
  const [first] = query?.examples ?? [];
  if (first?.id !== undefined) void startFrom({ id: first.id, path: first.name });
});
document.querySelector('.skip')?.addEventListener('click', event => {
  event.preventDefault(); // the hash is the operating point's
  byId('hits-title', HTMLElement).focus();
});
addEventListener('popstate', event => void follow(event.state));

void connect();
void begin();
