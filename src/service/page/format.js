/** Numbers and names as the page writes them. */

/** @param {number} value milliseconds */
export const milliseconds = value => `${value < 99.95 ? value.toFixed(1) : Math.round(value)} ms`;

/** @param {number} share 0 … */
export const percent = share => `${100 * share < 9.95 ? (100 * share).toFixed(1) : Math.round(100 * share)}%`;

/** @param {number} size */
export function bytes(size) {
  if (size < 1000) return `${size} B`;
  return size < 1e6 ? `${(size / 1000).toFixed(size < 9950 ? 1 : 0)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

/** @param {number} count @param {string} thing */
export const plural = (count, thing) => `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`;

/** @param {string} path */
export const fileName = path => path.slice(path.lastIndexOf('/') + 1);

/**
 * What to call a picture: its label, or else its file.
 * @param {{ path: string, metadata: import('./api.js').Metadata }} picture
 */
export function titleOf({ path, metadata }) {
  const { label } = metadata;
  return typeof label === 'string' && label !== '' ? label : fileName(path);
}
