/** More hits, as the end of the list comes near, or at the press of a button. */
import { byId, partOf } from './dom.js';

const button = byId('more', HTMLButtonElement);
/** pixels below the window at which more are fetched */
const ahead = 600;

/** @type {(() => Promise<void>) | undefined} */
let next;
let isLoading = false;
/** Only whoever scrolls gets more without asking. */
let hasScrolled = false;
let isNear = false;

async function load() {
  if (!next || isLoading) return;
  isLoading = true;
  button.ariaDisabled = 'true';
  try {
    await next();
  } finally {
    isLoading = false;
    button.ariaDisabled = 'false';
  }
}

button.addEventListener('click', () => void load());
addEventListener('scroll', () => {
  hasScrolled = true;
  if (isNear) void load();
});
new IntersectionObserver(
  entries => {
    isNear = entries.at(-1)?.isIntersecting ?? false;
    if (isNear && hasScrolled) void load();
  },
  { rootMargin: `${ahead}px` },
).observe(button);

/** @param {(() => Promise<void>) | undefined} load fetches and shows the next page; undefined on the last one */
export function offerMore(load) {
  next = load;
  hasScrolled = false;
  // after the last page keys go on from its last hit
  if (!load && document.activeElement === button) partOf(document.body, '#hits > li:last-child .hit').focus();
  button.hidden = !load;
}
