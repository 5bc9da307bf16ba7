/** The page: pictures and a latency budget in, the nearest pictures and what they cost out. */
import { counts, hashOf, readAddress } from './address.js';
import { makeAim, showAim } from './aim.js';
import { Problem, health, picture, thumbnail } from './api.js';
import { showFrontier } from './budget.js';
import { byId, partOf, textElement } from './dom.js';
import { bytes, fileName, plural } from './format.js';
import { initialBudget, refreshFrontier, watchFrontier } from './frontier.js';
import { takePictures } from './intake.js';
import { queryOf } from './query.js';
import { makeSearch } from './run.js';
import { showSamples } from './samples.js';
import { makeViewer } from './viewer.js';
import { pushVisit, replaceVisit, visited } from './visit.js';

/** @typedef {import('./query.js').Query} Query */

let { aim, k } = readAddress();
/** @type {Query | undefined} */
let query;
/** Are there points for a budget to choose from? */
let hasChoice = false;

const { run, forget, fail } = makeSearch({ state: () => ({ query, aim, k, hasChoice }) });

const hash = () => hashOf({ aim, k, like: query?.examples[0]?.id });

/** @param {Query | undefined} next */
function setQuery(next) {
  query = next;
  forget();
  const [first] = next?.examples ?? [];
  if (!first?.blob) return;
  const image = byId('query-image', HTMLImageElement);
  if (image.src) URL.revokeObjectURL(image.src);
  image.hidden = false;
  byId('query-unshown', HTMLElement).hidden = true;
  image.src = URL.createObjectURL(first.blob);
  byId('query-name', HTMLElement).textContent = first.name;
  byId('query-size', HTMLElement).textContent = bytes(first.blob.size);
  byId('query-size', HTMLElement).dataset.bytes = bytes(first.blob.size);
}

/** A new picture: searches with it. @param {Query} next */
async function start(next) {
  setQuery(next);
  pushVisit(next, hash());
  scrollTo({ top: 0 });
  const done = run();
  byId('hits-title', HTMLElement).focus({ preventScroll: true });
  await done;
}

/** Starts from a picture of the index. @param {{ id: number, path: string }} found */
async function startFrom({ id, path }) {
  try {
    await start(queryOf([{ blob: await thumbnail(id), name: fileName(path), id, weight: 1 }]));
  } catch (error) {
    fail(error);
  }
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
  k = address.k;
  aim = { ...address.aim, isFixed: address.aim.isFixed || !hasChoice };
  if (!aim.isFixed) aim.budgetMs ??= initialBudget();
  showCounts();
  showAim(aim, hasChoice);
  const known = visited(state);
  try {
    if (known || address.like === undefined) setQuery(known);
    else {
      setQuery(undefined);
      const { id, path } = await picture(address.like);
      const asked = queryOf([{ blob: await thumbnail(id), name: fileName(path), id, weight: 1 }]);
      setQuery(asked);
      replaceVisit(asked, hash());
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
makeViewer(startFrom);
takePictures(file => void start(queryOf([{ blob: file, name: file.name, weight: 1 }])));

byId('k', HTMLSelectElement).addEventListener('change', event => {
  k = Number(/** @type {HTMLSelectElement} */ (event.target).value);
  replaceVisit(query, hash());
  void run();
});
byId('retry', HTMLElement).addEventListener('click', () => void (query ? run() : follow(history.state)));
byId('start-over', HTMLElement).addEventListener('click', () => {
  setQuery(undefined);
  void run();
  pushVisit(undefined, hash());
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
void begin();
