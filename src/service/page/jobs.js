/** Taking up what has changed in the folder of the index, and how far that is. */
import { Problem, client } from './api.js';
import { announce, byId } from './dom.js';
import { plural } from './format.js';

/** @typedef {import('./api.js').Job} Job */

const part = byId('job', HTMLElement);
const bar = byId('job-bar', HTMLProgressElement);
const text = byId('job-text', HTMLElement);
const cancel = byId('job-cancel', HTMLButtonElement);
const start = byId('reindex', HTMLButtonElement);

/** milliseconds before a job is followed again whose events have ended without its end */
const pause = 1000;

/** The one that is followed. @type {string | undefined} */
let followed;
/** @type {{ refresh: () => Promise<unknown>, say: (error: unknown) => void }} */
let page;

/** @param {typeof page} callbacks after its end, and when something fails */
export function makeJobs(callbacks) {
  page = callbacks;
  start.addEventListener('click', async () => {
    page.say(undefined);
    start.disabled = true;
    try {
      await follow(await client.reindex());
    } catch (error) {
      start.disabled = false;
      page.say(error);
    }
  });
  cancel.addEventListener('click', () => {
    if (followed !== undefined) client.cancelJob(followed).catch(page.say);
  });
}

/** @param {import('./api.js').IndexStatus} status */
export function followLatest({ job }) {
  if (job?.state === 'running') follow(job).catch(page.say);
}

/** @param {Job} job */
async function follow(job) {
  if (followed === job.id) return;
  followed = job.id;
  show(job);
  cancel.focus();
  try {
    let last = job;
    while (last.state === 'running') {
      try {
        for await (const now of client.followJob(job.id)) show((last = now));
      } catch (error) {
        if (error instanceof Problem && error.code !== 'UNREACHABLE') throw error;
      }
      if (last.state !== 'running') break;
      // the connection has ended before the job
      show((last = await client.job(job.id)));
      if (last.state === 'running') await new Promise(resolve => setTimeout(resolve, pause));
    }
  } catch (error) {
    part.hidden = true; // nobody knows how it goes on
    throw error;
  } finally {
    followed = undefined;
    start.disabled = false;
    await page.refresh();
  }
}

/** @param {Job} job */
function show({ kind, state, progress, report, problem }) {
  const isRunning = state === 'running';
  part.hidden = false;
  start.disabled = isRunning;
  if (!isRunning && document.activeElement === cancel) start.focus();
  cancel.hidden = bar.hidden = !isRunning;
  if (isRunning) {
    if (progress && progress.total > 0) Object.assign(bar, { max: progress.total, value: progress.done });
    else bar.removeAttribute('value');
    text.textContent =
      kind === 'snapshot'
        ? 'Making a backup …'
        : !progress
          ? 'Looking through the folder …'
          : `${progress.done.toLocaleString('en')} of ${plural(progress.total, 'picture')}` +
            (progress.rate > 0 ? ` · ${progress.rate.toFixed(0)} a second` : '');
    return;
  }
  const parts = report
    ? [
        `${report.added} added`,
        `${report.updated} updated`,
        `${report.removed} removed`,
        `${report.unchanged} unchanged`,
        ...(report.failures > 0 ? [`${report.failures} could not be read`] : []),
      ]
    : [];
  const succeeded = kind === 'snapshot' ? 'The backup is made' : 'Up to date';
  const ends = { succeeded, cancelled: 'Cancelled', failed: 'It failed' };
  text.textContent = problem
    ? `It failed: ${problem.detail}`
    : [ends[/** @type {keyof typeof ends} */ (state)], parts.join(', ')].filter(one => one !== '').join(': ');
  announce(text.textContent);
}
