/** The picture that is searched with, and the part of it that matters. */
import { thumbnailUrl } from './api.js';
import { showCrop, showCropArea } from './crop.js';
import { byId } from './dom.js';
import { bytes } from './format.js';

const image = byId('query-image', HTMLImageElement);
const size = byId('query-size', HTMLElement);
/** The picture that is shown, so that a change of what is around it does not load it again. @type {unknown} */
let shown;

/** @param {import('./query.js').Example} example */
export function showPreview({ blob, id, url, name, crop }) {
  const source = blob ?? id ?? url;
  if (shown !== source) {
    shown = source;
    if (image.src.startsWith('blob:')) URL.revokeObjectURL(image.src);
    // a picture of another site: only the server fetches it
    const isShown = blob !== undefined || id !== undefined;
    setSeen(isShown);
    if (isShown) image.src = blob ? URL.createObjectURL(blob) : thumbnailUrl(id ?? 0);
    else image.removeAttribute('src');
    size.dataset.kind = blob ? bytes(blob.size) : isShown ? 'of the index' : new URL(url ?? '').host;
    size.textContent = size.dataset.kind;
  }
  byId('query-name', HTMLElement).textContent = name;
  showCrop(crop);
}

export function makePreview() {
  image.addEventListener('load', () => {
    const { naturalWidth, naturalHeight } = image;
    byId('crop-area', HTMLElement).style.setProperty('--ratio', String(naturalWidth / naturalHeight));
    size.textContent =
      shown instanceof Blob ? `${naturalWidth} × ${naturalHeight} · ${size.dataset.kind}` : 'of the index';
  });
  // the service reads formats that browsers do not
  image.addEventListener('error', () => setSeen(false));
}

/** @param {boolean} isSeen */
function setSeen(isSeen) {
  showCropArea(isSeen);
  byId('query-unshown', HTMLElement).hidden = isSeen;
}
