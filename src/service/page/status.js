/** The state of the index: a line in the header, and a dialog where it can be looked after. */
import { Problem, client } from './api.js';
import { makeAdding } from './adding.js';
import { byId, textElement } from './dom.js';
import { bytes, plural } from './format.js';
import { followLatest, makeJobs } from './jobs.js';
import { askKey, forgetKey, hasKey, needsKey } from './keys.js';
import { showSamples } from './samples.js';

/** @typedef {import('./api.js').IndexStatus} IndexStatus */

const dialog = byId('status', HTMLDialogElement);
const line = byId('health', HTMLButtonElement);
const problem = byId('status-problem', HTMLElement);

/** Whose vectors are in the index, and which: an index in PostgreSQL has no revision. @param {IndexStatus} status */
const versionOf = ({ model, revision, images, vectors }) => [model.fingerprint, revision, images, vectors].join();

/**
 * @param {(picture: import('./api.js').Picture) => void} onSample
 * @param {() => void} onChange the index is not what it was when it was last looked at
 */
export function makeStatus(onSample, onChange) {
  /** @type {string | undefined} */
  let known;
  const refresh = async () => {
    const status = await client.indexStatus();
    const version = versionOf(status);
    const isNew = known !== version;
    if (known !== undefined && isNew) onChange();
    showStatus(status);
    if (isNew) await showSamples(onSample);
    known = version;
    return status;
  };
  const look = () => refresh().catch(showDown);
  line.addEventListener('click', () => {
    say(undefined);
    dialog.showModal();
    refresh().then(followLatest, say);
  });
  byId('status-close', HTMLElement).addEventListener('click', () => dialog.close());
  byId('forget-key', HTMLElement).addEventListener('click', forgetKey);
  makeJobs({ refresh, say });
  makeAdding({ refresh, say });
  makeBackup();
  void look();
  return {
    /** The server has answered. */
    seen() {
      if (line.dataset.state === 'down') void look();
    },
    /** It has not. */
    lost: showDown,
  };
}

/** @param {unknown} error */
function showDown(error) {
  if (needsKey(error)) askKey();
  line.dataset.state = 'down';
  byId('health-text', HTMLElement).textContent = error instanceof Problem ? error.message : 'No connection';
}

/** @param {IndexStatus} status */
function showStatus({ images, stored, vectors, revision, model, graph, bytes: size, allows }) {
  line.dataset.state = 'ok';
  byId('health-text', HTMLElement).textContent = `${plural(images, 'picture')} · ${model.engine}`;
  byId('empty-index', HTMLElement).hidden = images > 0;
  byId('url-form', HTMLElement).hidden = !allows.urls;
  for (const element of document.querySelectorAll('[data-needs-changes]'))
    if (element instanceof HTMLElement) element.hidden = !allows.changes;
  byId('read-only', HTMLElement).hidden = allows.changes;
  byId('forget-key', HTMLElement).hidden = !hasKey();
  const rows = {
    Pictures: images.toLocaleString('en') + (stored > 0 ? `, ${stored.toLocaleString('en')} of them added here` : ''),
    Distinct: vectors.toLocaleString('en') + (graph?.deleted ? `, places of ${graph.deleted} deleted ones` : ''),
    ...(size && { 'On disk': `${bytes(size.catalogue)} catalogue, ${bytes(size.graph)} graph` }),
    ...(graph && { Snapshot: age(graph.snapshot, revision) }),
    Model: `${model.fingerprint.slice(0, 12)} · ${model.dimension} numbers a picture`,
    Engine: model.engine,
  };
  byId('status-facts', HTMLElement).replaceChildren(
    ...Object.entries(rows).map(([name, value]) => {
      const row = document.createElement('div');
      row.append(textElement('dt', name), textElement('dd', value));
      return row;
    }),
  );
}

/** @param {number | undefined} snapshot revision on disk @param {number} [revision] now */
function age(snapshot, revision = 0) {
  if (snapshot === undefined) return 'none yet';
  return snapshot === revision ? 'up to date' : `${revision - snapshot} changes behind`;
}

/** @param {unknown} error undefined takes it away */
function say(error) {
  if (needsKey(error)) askKey();
  problem.hidden = error === undefined;
  problem.textContent = error instanceof Problem ? `${error.message}: ${error.detail}` : String(error ?? '');
}

function makeBackup() {
  const button = byId('backup', HTMLButtonElement);
  button.addEventListener('click', async () => {
    if (button.ariaBusy === 'true') return;
    say(undefined);
    button.ariaBusy = 'true';
    try {
      const address = URL.createObjectURL(await new Response(await client.snapshot()).blob());
      const name = `matvit-${new Date().toISOString().slice(0, 10)}.tar`;
      Object.assign(document.createElement('a'), { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (error) {
      say(error);
    } finally {
      button.ariaBusy = 'false';
    }
  });
}
