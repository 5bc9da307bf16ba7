/** More hits, as the end of the list comes near, or at the press of a button. */
import { byId, partOf } from './dom.js';

const button = byId('more', HTMLButtonElement);
/** pixels below the window at which more are fetched */
const ahead = 600;

/** @type {(() => Promise<boolean>) | undefined} */
let next;
let isLoading = false;
/** Then only the button tries again. */
let hasFailed = false;
/** Only whoever scrolls gets more without asking. */
let hasScrolled = false;
let isNear = false;

async function load() {
  if (!next || isLoading) return;
  isLoading = true;
  button.ariaDisabled = 'true';
  try {
    hasFailed = !(await next());
  } finally {
    isLoading = false;
    button.ariaDisabled = 'false';
  }
}

button.addEventListener('click', () => void load());
addEventListener('scroll', () => {
  hasScrolled = true;
  if (isNear && !hasFailed) void load();
});
new IntersectionObserver(
  entries => {
    isNear = entries.at(-1)?.isIntersecting ?? false;
    if (isNear && hasScrolled && !hasFailed) void load();
  },
  { rootMargin: `${ahead}px` },
).observe(button);

/**
 * @param {(() => Promise<boolean>) | undefined} load
 *   fetches and shows the next page, and tells whether it could; undefined on the last one
 */
export function offerMore(load) {
  next = load;
  hasScrolled = hasFailed = false;
  // after the last page keys go on from its last hit
  if (!load && document.activeElement === button) partOf(document.body, '#hits > li:last-child .hit').focus();
  button.hidden = !load;
}
