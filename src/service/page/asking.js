/** Changing what is searched with: another picture, more or fewer examples, none. */
import { thumbnail } from './api.js';
import { announce, focusResults, partOf } from './dom.js';
import { leading, showExamples } from './examples.js';
import { fileName } from './format.js';
import { showPreview } from './preview.js';
import { queryOf } from './query.js';
import { pushState, setState, state } from './state.js';
import { wish } from './wish.js';

/**
 * @typedef {import('./query.js').Example} Example
 * @typedef {{ id: number, path: string }} Named a picture of the index
 */

/** @returns {readonly Example[]} */
export const examplesNow = () => state().query?.examples ?? [];

/** @param {Pick<ReturnType<typeof import('./run.js').makeSearch>, 'run' | 'forget' | 'fail'>} search */
export function makeAsking({ run, forget, fail }) {
  /** @param {import('./query.js').Query | undefined} query */
  function setQuery(query) {
    setState({ query });
    const [first] = examplesNow();
    if (first) showPreview(first);
    showExamples(examplesNow(), refine);
  }

  /** A new picture: searches with it. @param {Example} example */
  async function start(example) {
    wish();
    forget();
    setQuery(queryOf([example]));
    pushState();
    scrollTo({ top: 0 });
    const done = run();
    focusResults();
    await done;
  }

  /** The same query with other examples. @param {readonly Example[]} examples */
  function refine(examples) {
    wish();
    const ordered = leading(examples);
    if (ordered.length === 0) startOver();
    else {
      setQuery(queryOf(ordered));
      pushState();
      void run();
    }
  }

  /** More or less like a picture of the index. @param {Named} found @param {1 | -1} weight */
  function addExample(found, weight) {
    const others = examplesNow().filter(({ id, blob }) => blob || id !== found.id);
    const example = { id: found.id, name: fileName(found.path), weight };
    announce(`${weight > 0 ? 'More' : 'Less'} like ${example.name}.`);
    refine([...others, example]);
  }

  /** Searches with a picture of the index, whose embedding is known. @param {Named} found */
  const startLike = ({ id, path }) => void start({ id, name: fileName(path), weight: 1 });

  /** Searches with a picture of the index as if it were new. @param {Named} found */
  async function startFrom({ id, path }) {
    const isWanted = wish();
    try {
      const blob = await thumbnail(id);
      if (isWanted()) await start({ blob, name: fileName(path), id, weight: 1 });
    } catch (error) {
      if (isWanted()) fail(error);
    }
  }

  /** @param {File} file */
  const startWith = file => void start({ blob: file, name: file.name, weight: 1 });

  function startOver() {
    wish();
    forget();
    setQuery(undefined);
    void run();
    pushState();
    partOf(document.body, '#intro input').focus();
  }

  return { setQuery, start, startWith, startFrom, startLike, startOver, refine, addExample };
}
