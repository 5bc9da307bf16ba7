/** What the pictures are, counted by the fields of their metadata; each value can be required. */
import { byId, fromTemplate, textElement } from './dom.js';
import { filterOf } from './filter.js';
import { queryOf, search } from './query.js';

/**
 * @typedef {import('./api.js').Facet} Facet
 * @typedef {import('./filter.js').Selection} Selection
 */

const part = byId('facets', HTMLElement);
/** Values of a field before "more". */
const few = 7;
/** Fields that are offered. */
const most = 6;

/** Fields that are counted: as many as the server takes at once. */
const mostCounted = 20;

/** Dots lead into objects, and commas separate names; the server takes no quotes. */
const isName = /^[^.,$"\\\p{Cc}][^.,"\\\p{Cc}]{0,255}$/u;

/** Fields seen in hits; the server has no list of them. @type {Set<string>} */
const fields = new Set();
/** A picture seen in hits, to ask for counts where there are none. @type {number | undefined} */
let seen;
/** Fields whose values are all shown. @type {Set<string>} */
const open = new Set();

/**
 * Counts for the fields that hits have had. A field's own selection does not count against its other values, so that
 * several can be chosen. Nothing is encoded for it: counts are the same whatever is searched for.
 * @param {readonly import('./api.js').Hit[]} hits
 * @param {Selection} selection
 * @param {AbortSignal} signal
 * @returns {Promise<Map<string, Facet[]>>}
 */
export async function countFacets(hits, selection, signal) {
  seen = hits[0]?.id ?? seen;
  for (const { metadata } of hits)
    for (const [field, value] of Object.entries(metadata))
      if (isName.test(field) && isCountable(value)) fields.add(field);
  for (const field of selection.keys()) fields.add(field);
  if (seen === undefined || fields.size === 0) return new Map();
  const query = queryOf([{ id: seen, name: '', weight: 1 }]);
  const count = async (/** @type {string[]} */ names, /** @type {object | undefined} */ filter) => {
    const asking = { k: 1, facets: names, ...(filter && { filter }) };
    const { facets = {} } = await search(query, asking, signal);
    return names.map(name => /** @type {[string, Facet[]]} */ ([name, facets[name] ?? []]));
  };
  const free = [...fields].filter(field => !selection.has(field)).slice(0, mostCounted);
  const counted = await Promise.all([
    free.length > 0 ? count(free, filterOf(selection)) : [],
    ...[...selection.keys()].map(field => count([field], filterOf(selection, field))),
  ]);
  const all = new Map(counted.flat());
  return new Map([...fields].map(field => [field, all.get(field) ?? []]));
}

/** @param {unknown} value */
function isCountable(value) {
  if (Array.isArray(value)) return value.length > 0 && value.every(one => typeof one === 'string');
  return typeof value === 'string' || typeof value === 'boolean' || Number.isInteger(value);
}

/**
 * @param {ReadonlyMap<string, readonly Facet[]>} counted
 * @param {Selection} selection
 * @param {(field: string, value: Facet['value']) => void} onToggle
 */
export function showFacets(counted, selection, onToggle) {
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.facet : undefined;
  const useful = [...counted].filter(([field, values]) => selection.has(field) || tellsApart(values)).slice(0, most);
  const draw = () =>
    part.replaceChildren(...useful.map(([field, values], i) => group(field, values, selection.get(field) ?? [], i)));
  const group = (
    /** @type {string} */ field,
    /** @type {readonly Facet[]} */ values,
    /** @type {readonly Facet['value'][]} */ chosen,
    /** @type {number} */ place,
  ) => {
    const { root, part: inside } = fromTemplate('facet-template');
    inside('legend').textContent = field;
    const listed = [
      ...chosen.filter(one => !values.some(({ value }) => value === one)).map(value => ({ value, count: 0 })),
      ...values,
    ];
    const shown = open.has(field) ? listed : listed.filter(({ value }, i) => i < few || chosen.includes(value));
    for (const { value, count } of shown) {
      const { root: chip, part: of } = fromTemplate('chip-template');
      const input = /** @type {HTMLInputElement} */ (of('input'));
      input.checked = chosen.includes(value);
      input.dataset.facet = JSON.stringify([field, value]);
      of('.chip-name').textContent = String(value);
      of('.chip-count').textContent = count.toLocaleString('en');
      input.addEventListener('change', () => onToggle(field, value));
      inside('.chips').append(chip);
    }
    if (shown.length < listed.length) {
      const more = textElement('button', `${listed.length - shown.length} more`, 'link');
      more.setAttribute('type', 'button');
      more.addEventListener('click', () => {
        open.add(field);
        draw();
        part.querySelectorAll('fieldset')[place]?.querySelectorAll('input')[shown.length]?.focus();
      });
      inside('.chips').append(more);
    }
    return root;
  };
  draw();
  part.hidden = useful.length === 0;
  if (focused !== undefined)
    for (const input of part.querySelectorAll('input')) if (input.dataset.facet === focused) input.focus();
}

/** Does it group pictures, rather than name each? @param {readonly Facet[]} values */
const tellsApart = values => values.length > 1 && values.some(({ count }) => count > 1);
