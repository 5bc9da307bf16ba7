/** The key, where the server asks for one: in a cookie of this session, so that thumbnails come with it too. */
import { Problem, client } from './api.js';
import { byId } from './dom.js';

const dialog = byId('key-dialog', HTMLDialogElement);
const field = byId('key', HTMLInputElement);
const problem = byId('key-problem', HTMLElement);
const name = 'matvit-key';

/** @param {string} key empty to forget it */
function keep(key) {
  const safe = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = `${name}=${key}; Path=/; SameSite=Strict${safe}${key === '' ? '; Max-Age=0' : ''}`;
}

export const hasKey = () => document.cookie.split('; ').some(cookie => cookie.startsWith(`${name}=`));

export function forgetKey() {
  keep('');
  location.reload();
}

export function makeKeys() {
  byId('key-form', HTMLFormElement).addEventListener('submit', async event => {
    event.preventDefault();
    const key = field.value.trim();
    if (!/^[\w-]{1,200}$/.test(key)) {
      say('A key is letters, digits, hyphens and underscores.');
      return;
    }
    keep(key);
    try {
      await client.indexStatus();
      location.reload(); // everything that was refused is asked again
    } catch (error) {
      if (needsKey(error)) keep('');
      say(needsKey(error) ? 'The server does not know this key.' : String(error));
    }
  });
}

/** @param {unknown} error @returns {error is Problem} */
export const needsKey = error => error instanceof Problem && error.code === 'KEY_MISSING';

export function askKey() {
  if (dialog.open) return;
  if (hasKey()) say('The server does not know the key any more.');
  dialog.showModal();
  field.focus();
}

/** @param {string} text */
function say(text) {
  problem.textContent = text;
  problem.hidden = false;
  field.setAttribute('aria-invalid', 'true');
  field.select();
}
