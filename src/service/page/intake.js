/** Pictures come in: chosen, dropped anywhere on the page, pasted, or by their address. */
import { byId, closeDialogs } from './dom.js';

/** @param {(file: File) => void} onPicture @param {(url: string) => void} onUrl */
export function takePictures(onPicture, onUrl) {
  for (const label of document.querySelectorAll('label[data-picker]')) {
    const input = document.createElement('input');
    Object.assign(input, { type: 'file', accept: 'image/*', className: 'visually-hidden' });
    input.ariaLabel = /** @type {HTMLElement} */ (label).dataset.picker ?? '';
    label.prepend(input);
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file) onPicture(file);
      input.value = ''; // so that the same file can be chosen again
    });
  }

  byId('url-form', HTMLFormElement).addEventListener('submit', event => {
    event.preventDefault();
    const url = byId('url', HTMLInputElement).value.trim();
    if (URL.canParse(url)) onUrl(url);
  });

  addEventListener('paste', event => {
    const file = event.clipboardData?.files[0];
    if (!file) return; // text, for a text field
    event.preventDefault();
    closeDialogs(); // what is open is about the query before
    onPicture(file);
  });

  const veil = byId('veil', HTMLElement);
  const carriesFile = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragover', event => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  addEventListener('dragleave', event => {
    if (event.relatedTarget === null) veil.hidden = true; // left the window, not just an element
  });
  addEventListener('drop', event => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    veil.hidden = true;
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    closeDialogs();
    onPicture(file);
  });

  if (/Mac|iPhone|iPad/.test(navigator.userAgent))
    for (const keys of document.querySelectorAll('[data-paste-keys]')) keys.textContent = '⌘ V';
}
