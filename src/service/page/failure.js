/** What went wrong: a key that is missing, an operating point that there is not, or anything else. */
import { Problem } from './api.js';
import { showPointProblem } from './controls.js';
import { askKey, needsKey } from './keys.js';
import { isAnswered, showFailure, showTrouble } from './view.js';

const aboutPoints = new Set(['SUBMODEL_INVALID', 'OPERATING_POINT_INVALID', 'RESOLUTION_INVALID']);

/** Is there no such operating point? @param {unknown} error @returns {error is Problem} */
export const isAboutPoint = error => error instanceof Problem && aboutPoints.has(error.code);

/**
 * @param {unknown} error
 * @param {import('./api.js').SearchAnswer | undefined} answer that stays if it is there and something beside it failed
 */
export function showError(error, answer) {
  const detail = String(error);
  if (needsKey(error)) askKey();
  const problem = error instanceof Problem ? error : new Problem({ title: 'The page failed', detail, code: 'PAGE' });
  if (isAboutPoint(problem)) showPointProblem(`${problem.message}: ${problem.detail}`);
  if (answer && isAnswered()) showTrouble(`${problem.message}${problem.detail && `: ${problem.detail}`}`);
  else showFailure(problem);
}
