/** Values that hits must have, by field of the metadata. */

/** @typedef {null | boolean | number | string} Scalar */
/** @typedef {ReadonlyMap<string, readonly Scalar[]>} Selection any of the values, of each field */

/**
 * As the server's filters are written.
 * @param {Selection} selection
 * @param {string} [except] a field that does not count
 * @returns {object | undefined}
 */
export function filterOf(selection, except) {
  const fields = [...selection].filter(([field]) => field !== except);
  if (fields.length === 0) return undefined;
  return Object.fromEntries(fields.map(([field, values]) => [field, { $in: values }]));
}

/** Adds a value or takes it away. @param {Selection} selection @param {string} field @param {Scalar} value */
export function toggled(selection, field, value) {
  const values = selection.get(field) ?? [];
  const next = values.includes(value) ? values.filter(one => one !== value) : [...values, value];
  const others = [...selection].filter(([name]) => name !== field);
  return new Map(next.length === 0 ? others : [...others, [field, next]]);
}

/** Reads `{"label":["fruits"]}` of an address; what is not like that selects nothing. @param {string} text @returns {Selection} */
export function fieldsOf(text) {
  try {
    const entries = Object.entries(JSON.parse(text));
    return new Map(entries.filter(([, values]) => Array.isArray(values) && values.length > 0));
  } catch {
    return new Map();
  }
}
