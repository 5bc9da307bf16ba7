/** The page: pictures and a latency budget in, the nearest pictures and what they cost out. */
import { hashOf, readAddress } from './address.js';
import { makeAim, showAim } from './aim.js';
import { picture, thumbnail } from './api.js';
import { showFrontier } from './budget.js';
import { makeCamera } from './camera.js';
import { makeCounts, showCounts } from './counts.js';
import { makeCrop } from './crop.js';
import { announce, byId, partOf } from './dom.js';
import { leading, showExamples } from './examples.js';
import { toggled } from './filter.js';
import { makeFold, showFold } from './fold.js';
import { fileName } from './format.js';
import { initialBudget, refreshFrontier, watchFrontier } from './frontier.js';
import { makeHits } from './hits.js';
import { takePictures } from './intake.js';
import { makeKeys } from './keys.js';
import { makePreview, showPreview } from './preview.js';
import { queryOf } from './query.js';
import { makeSearch } from './run.js';
import { makeStatus } from './status.js';
import { makeThreshold, showThreshold } from './threshold.js';
import { makeViewer } from './viewer.js';
import { pushVisit, replaceVisit, visited } from './visit.js';

/**
 * @typedef {import('./query.js').Query} Query
 * @typedef {import('./query.js').Example} Example
 * @typedef {{ id: number, path: string }} Named
 */

let settings = readAddress();
/** @type {Query | undefined} */
let query;
/** Are there points for a budget to choose from? */
let hasChoice = false;

const { run, forget, fail } = makeSearch({
  state: () => ({ ...settings, query, hasChoice }),
  onFacet: (field, value) => change({ selection: toggled(settings.selection, field, value) }),
});

function hash() {
  const [first] = query?.examples ?? [];
  const [like, sample] = first?.blob ? [undefined, first.id] : [first?.id, undefined];
  return hashOf({ ...settings, like, sample });
}

/** Asks the same in another way. @param {Partial<typeof settings>} part */
function change(part) {
  settings = { ...settings, ...part };
  showSettings();
  replaceVisit(query, hash());
  void run();
}

function showSettings() {
  showCounts(settings.k);
  showThreshold(settings.minScore);
  showFold(settings.isFolded);
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

/** @param {File} file */
const startWith = file => void start({ blob: file, name: file.name, weight: 1 });

function startOver() {
  forget();
  setQuery(undefined);
  void run();
  pushVisit(undefined, hash());
  partOf(document.body, '#intro input').focus();
}

/** Follows the address, to which Back, Forward or a person went. @param {unknown} state of the history */
async function follow(state) {
  const address = readAddress();
  const aim = { ...address.aim, isFixed: address.aim.isFixed || !hasChoice };
  if (!aim.isFixed) aim.budgetMs ??= initialBudget();
  settings = { ...address, aim };
  showSettings();
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

async function begin() {
  // without it, points are chosen by hand
  hasChoice = await refreshFrontier().catch(() => false);
  if (hasChoice) watchFrontier(showFrontier);
  await follow(history.state);
}

const onClick = (/** @type {string} */ id, /** @type {() => unknown} */ action) =>
  byId(id, HTMLElement).addEventListener('click', () => void action());

makeKeys();
makeAim(aim => change({ aim }));
makePreview();
makeHits(addExample);
makeViewer(startLike, addExample);
makeThreshold(minScore => change({ minScore }));
makeFold(isFolded => change({ isFolded }));
makeCounts(k => change({ k }));
makeCrop(crop => {
  const [first, ...others] = query?.examples ?? [];
  if (first) refine([{ ...first, crop }, ...others]);
});
takePictures(startWith, url => void start({ url, name: fileName(new URL(url).pathname) || url, weight: 1 }));
makeCamera(startWith);
onClick('retry', () => (query ? run() : follow(history.state)));
onClick('start-over', startOver);
onClick('any-score', () => change({ minScore: undefined }));
onClick('no-filter', () => change({ selection: new Map() }));
onClick('encode', () => {
  const [first] = query?.examples ?? [];
  if (first?.id !== undefined) void startFrom({ id: first.id, path: first.name });
});
document.querySelector('.skip')?.addEventListener('click', event => {
  event.preventDefault(); // the hash is the operating point's
  byId('hits-title', HTMLElement).focus();
});
addEventListener('popstate', event => void follow(event.state));

void makeStatus(startFrom);
void begin();
