/** The hits of an answer beside those of another operating point. */
import { full } from './point.js';
import { offerSide, showSide, wantedBeside } from './side.js';
import { showTrouble } from './view.js';

/**
 * Lets the person see them: the full model's are there already, others are asked for.
 * @param {import('./api.js').EncodedAnswer} found
 * @param {import('./api.js').EncodedAnswer} whole the full model's
 * @param {object} how
 * @param {(at: string) => Promise<import('./api.js').SearchAnswer>} how.askAt the same at another point
 * @param {AbortSignal} how.signal
 * @param {(hit: import('./api.js').Hit) => void} how.onOpen
 * @param {(error: unknown) => void} how.fail
 */
export async function sideBySide(found, whole, { askAt, signal, onOpen, fail }) {
  const { at } = found.cost;
  const show = async () => {
    const other = wantedBeside(at);
    if (other === undefined) return;
    try {
      const { hits } = other === full ? whole : await askAt(other);
      if (signal.aborted || other !== wantedBeside(at)) return;
      showSide({ at, hits: found.hits }, { at: other, hits }, onOpen);
      showTrouble('');
    } catch (error) {
      if (!signal.aborted) fail(error);
    }
  };
  offerSide(at, show);
  await show();
}
