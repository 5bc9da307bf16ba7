/** The grid of hits, and the larger view of one. */
import { thumbnailOf } from './api.js';

const grid = document.querySelector('#hits');
const viewer = document.querySelector('#viewer');

export const nameOf = ({ path, metadata }) => metadata.emoji ?? metadata.label ?? path;

export function showSkeletons(count) {
  grid.replaceChildren(
    ...Array.from({ length: count }, () => {
      const item = document.createElement('li');
      item.className = 'skeleton';
      return item;
    }),
  );
}

export function clearHits() {
  grid.replaceChildren();
}

/** @param searchWith called with a hit whose picture is to be searched with */
export function showHits(hits, searchWith) {
  grid.replaceChildren(
    ...hits.map(hit => {
      const item = document.createElement('li');
      item.dataset.id = hit.id;
      const button = document.createElement('button');
      button.type = 'button';
      const picture = new Image();
      picture.src = thumbnailOf(hit.id);
      picture.alt = '';
      picture.loading = 'lazy';
      const line = document.createElement('p');
      const name = document.createElement('span');
      name.textContent = nameOf(hit);
      const score = document.createElement('b');
      score.textContent = hit.score.toFixed(3);
      line.append(name, score);
      button.append(picture, line);
      button.addEventListener('click', () => open(hit, searchWith));
      item.append(button);
      return item;
    }),
  );
}

/** Marks the hits that the full model does not have among its own. */
export function markNew(ids) {
  for (const item of grid.children) item.firstElementChild?.classList.toggle('new', ids.has(Number(item.dataset.id)));
}

function open(hit, searchWith) {
  const { id, path, score, metadata } = hit;
  viewer.querySelector('#viewer-image').src = thumbnailOf(id);
  viewer.querySelector('#viewer-title').textContent = path;
  const rows = Object.entries({ ...metadata, similarity: score.toFixed(4) }).flatMap(([key, value]) => {
    const term = document.createElement('dt');
    term.textContent = key;
    const text = document.createElement('dd');
    text.textContent = typeof value === 'string' ? value : JSON.stringify(value);
    return [term, text];
  });
  viewer.querySelector('#viewer-metadata').replaceChildren(...rows);
  viewer.querySelector('#viewer-search').onclick = () => {
    viewer.close();
    searchWith(hit);
  };
  viewer.showModal();
}

viewer.querySelector('#viewer-close').addEventListener('click', () => viewer.close());
viewer.addEventListener('click', event => event.target === viewer && viewer.close());
