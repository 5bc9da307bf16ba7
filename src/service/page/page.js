/** The page: a picture and an operating point in, hits and their cost out. */
import { Problem, health, image, search, thumbnail, thumbnailOf } from './api.js';
import { compare, hideCost, showCost } from './cost.js';
import { clearHits, markNew, nameOf, showHits, showSkeletons } from './hits.js';

const full = 'XL@224:fp32';
const choices = { submodel: ['S', 'M', 'L', 'XL'], resolution: ['112', '160', '224'], precision: ['int8', 'fp32'] };
const $ = id => document.querySelector(`#${id}`);

const state = {
  submodel: 'XL',
  resolution: '224',
  precision: 'fp32',
  k: 12,
  picture: undefined, // Blob
  reference: undefined, // the full model's answer to it
  running: undefined, // AbortController
};

const point = () => `${$('mix').value.trim() || state.submodel}@${state.resolution}:${state.precision}`;

/** The operating point is kept in the address, so that it can be shared and survives a reload. */
function readAddress() {
  const match = /^#([A-Z0-9-]+)@(\d+):(\w+)$/.exec(location.hash);
  if (!match) return;
  const [, submodel, resolution, precision] = match;
  if (choices.submodel.includes(submodel)) state.submodel = submodel;
  else $('mix').value = submodel;
  if (choices.resolution.includes(resolution)) state.resolution = resolution;
  if (choices.precision.includes(precision)) state.precision = precision;
}

function makeChoices() {
  for (const group of document.querySelectorAll('.segments')) {
    const { name } = group.dataset;
    group.replaceChildren(
      ...choices[name].map(value => {
        const label = document.createElement('label');
        const input = document.createElement('input');
        Object.assign(input, { type: 'radio', name, value, checked: state[name] === value });
        const text = document.createElement('span');
        text.textContent = name === 'resolution' ? `${value} px` : value;
        label.append(input, text);
        return label;
      }),
    );
  }
}

function choosePicture(blob) {
  state.picture = blob;
  state.reference = undefined;
  const old = $('query').src;
  $('query').src = URL.createObjectURL(blob);
  if (old.startsWith('blob:')) URL.revokeObjectURL(old);
  $('query').hidden = false;
  $('invitation').hidden = true;
  void run();
}

function fail(error) {
  if (error.name === 'AbortError') return;
  clearHits();
  hideCost();
  $('status').textContent = '';
  const code = document.createElement('code');
  code.textContent = error instanceof Problem ? `${error.detail} [${error.code}]` : 'Is matvit serve still running?';
  $('error').replaceChildren(error instanceof Problem ? error.message : 'The server cannot be reached', code);
  $('error').hidden = false;
}

async function run() {
  history.replaceState(null, '', `#${point()}`);
  if (!state.picture) return;
  state.running?.abort();
  state.running = new AbortController();
  const { signal } = state.running;
  const { picture, k } = state;
  $('error').hidden = true;
  $('status').textContent = 'Searching…';
  if ($('hits').childElementCount === 0) showSkeletons(k);
  try {
    const answer = await search(picture, { at: point(), k }, signal);
    showHits(answer.hits, searchWith);
    showCost(answer.cost);
    if (answer.cost.at === full) state.reference = answer;
    compare(answer, state.reference);
    $('status').textContent = `${answer.hits.length} pictures found at ${answer.cost.at}`;
    state.reference ??= await search(picture, { at: full, k }, signal);
    markNew(compare(answer, state.reference));
  } catch (error) {
    fail(error);
  }
}

async function searchWith({ id }) {
  try {
    choosePicture(await thumbnail(id));
    scrollTo({ top: 0 });
  } catch (error) {
    fail(error);
  }
}

/** A few pictures spread over the index to start from. */
async function showSamples() {
  const { images, engine } = await health();
  $('about').textContent = `${images.toLocaleString('en')} pictures; encoder: ${engine}`;
  const ids = Array.from({ length: 6 }, (_, i) => 1 + Math.floor(((i + 0.5) * images) / 6));
  const found = await Promise.allSettled(ids.map(image));
  $('samples').replaceChildren(
    ...found.flatMap(({ value }) => {
      if (!value) return [];
      const button = document.createElement('button');
      button.type = 'button';
      button.setAttribute('aria-label', `Search with ${nameOf(value)}`);
      const picture = new Image();
      picture.src = thumbnailOf(value.id);
      picture.alt = '';
      button.append(picture);
      button.addEventListener('click', () => searchWith(value));
      return [button];
    }),
  );
}

const drop = $('drop');
const pictureIn = data => [...(data?.files ?? [])][0];
$('file').addEventListener('change', event => {
  const [file] = event.target.files;
  if (file) choosePicture(file);
  event.target.value = '';
});
for (const kind of ['dragover', 'dragleave', 'drop'])
  addEventListener(kind, event => {
    event.preventDefault();
    drop.classList.toggle('over', kind === 'dragover');
    const file = kind === 'drop' && pictureIn(event.dataTransfer);
    if (file) choosePicture(file);
  });
// what the browser cannot show the service may still read, so the search goes on; the space says what to do again
$('query').addEventListener('error', () => {
  $('query').hidden = true;
  $('invitation').hidden = false;
});
addEventListener('paste', event => {
  const file = pictureIn(event.clipboardData);
  if (file) choosePicture(file);
});
$('point').addEventListener('submit', event => event.preventDefault());
$('point').addEventListener('change', ({ target }) => {
  if (target.name in choices) state[target.name] = target.value;
  if (target.name === 'submodel') $('mix').value = '';
  void run();
});

readAddress();
makeChoices();
showSamples().catch(fail);
