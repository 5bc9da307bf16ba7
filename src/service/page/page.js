/** The page: pictures and a latency budget in, the nearest pictures and what they cost out. */
import { readAddress } from './address.js';
import { makeAim, showAim } from './aim.js';
import { picture, thumbnail } from './api.js';
import { examplesNow, makeAsking } from './asking.js';
import { showFrontier } from './budget.js';
import { makeCamera } from './camera.js';
import { makeCounts, showCounts } from './counts.js';
import { makeCrop } from './crop.js';
import { byId, closeDialogs } from './dom.js';
import { toggled } from './filter.js';
import { makeFold, showFold } from './fold.js';
import { fileName } from './format.js';
import { initialBudget, refreshFrontier, watchFrontier } from './frontier.js';
import { forgetPictures, makeHits } from './hits.js';
import { takePictures } from './intake.js';
import { makeKeys } from './keys.js';
import { makePreview } from './preview.js';
import { queryOf } from './query.js';
import { makeSearch } from './run.js';
import { replaceState, setState, state } from './state.js';
import { makeStatus } from './status.js';
import { makeThreshold, showThreshold } from './threshold.js';
import { makeViewer } from './viewer.js';
import { forgetReferences, visited } from './visit.js';
import { wish } from './wish.js';

const { run, expect, forget, fail } = makeSearch((field, value) =>
  change({ selection: toggled(state().selection, field, value) }),
);
const asking = makeAsking({ run, forget, fail });

/** Asks the same in another way. @param {Partial<import('./state.js').State>} part */
function change(part) {
  setState(part);
  showSettings();
  if (!state().query) return; // it is on its way, and as yet in the address alone
  replaceState();
  void run();
}

function showSettings() {
  const { k, minScore, isFolded } = state();
  showCounts(k);
  showThreshold(minScore);
  showFold(isFolded);
}

/** Shows how the operating point is decided: where a budget has something to choose from, there is one. */
function settleAim() {
  const { aim, hasChoice } = state();
  if (hasChoice) setState({ aim: { ...aim, budgetMs: aim.budgetMs ?? initialBudget() } });
  showAim(state().aim, hasChoice);
}

/** Follows the address, to which Back, Forward or a person went. @param {unknown} visit of the history */
async function follow(visit) {
  const isWanted = wish();
  const address = readAddress();
  setState(address);
  settleAim();
  showSettings();
  forget();
  const known = visited(visit);
  try {
    const id = address.like ?? address.sample;
    asking.setQuery(known);
    if (!known && id !== undefined) {
      expect();
      const { path } = await picture(id);
      const blob = address.sample === undefined ? undefined : await thumbnail(id);
      if (!isWanted()) return;
      asking.setQuery(queryOf([{ ...(blob && { blob }), id, name: fileName(path), weight: 1 }]));
      replaceState();
    }
    await run();
  } catch (error) {
    if (isWanted()) fail(error);
  }
}

/** The server has told its frontier. @param {boolean} hasChoice */
function adopt(hasChoice) {
  if (hasChoice === state().hasChoice) {
    showFrontier();
    return;
  }
  setState({ hasChoice });
  settleAim();
  const { query, aim } = state();
  if (!query || aim.isFixed) return;
  replaceState();
  void run(); // what is shown was not decided as it should be
}

async function begin() {
  const isWanted = wish();
  // without it, points are chosen by hand until there is one
  const hasChoice = await refreshFrontier().catch(() => false);
  watchFrontier(choice => {
    adopt(choice);
    status.seen();
  }, status.lost);
  if (isWanted()) {
    setState({ hasChoice });
    await follow(history.state);
  } else adopt(hasChoice);
}

const onClick = (/** @type {string} */ id, /** @type {() => unknown} */ action) =>
  byId(id, HTMLElement).addEventListener('click', () => void action());

makeKeys();
makeAim(aim => change({ aim }));
makePreview();
makeHits(asking.addExample);
makeViewer(asking.startLike, asking.addExample);
makeThreshold(minScore => change({ minScore }));
makeFold(isFolded => change({ isFolded }));
makeCounts(k => change({ k }));
makeCrop(crop => {
  const [first, ...others] = examplesNow();
  if (first) asking.refine([{ ...first, crop }, ...others]);
});
takePictures(
  asking.startWith,
  url => void asking.start({ url, name: fileName(new URL(url).pathname) || url, weight: 1 }),
);
makeCamera(asking.startWith);
onClick('retry', () => (state().query ? run() : follow(history.state)));
onClick('start-over', asking.startOver);
onClick('any-score', () => change({ minScore: undefined }));
onClick('no-filter', () => change({ selection: new Map() }));
onClick('encode', () => {
  const [first] = examplesNow();
  if (first?.id !== undefined) void asking.startFrom({ id: first.id, path: first.name });
});
document.querySelector('.skip')?.addEventListener('click', event => {
  event.preventDefault(); // the hash is the operating point's
  byId('hits-title', HTMLElement).focus();
});
addEventListener('popstate', event => {
  closeDialogs(); // they were about the query before
  void follow(event.state);
});

const status = makeStatus(asking.startFrom, () => {
  forgetReferences();
  forgetPictures();
});
showSettings();
void begin();
