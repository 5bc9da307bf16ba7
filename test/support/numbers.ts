/** Distances between arrays of numbers. */

export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} numbers cannot be compared with ${b.length}`);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!)); // NaN stays
  return most;
}

export const maxAbs = (a: ArrayLike<number>): number =>
  Array.from(a).reduce((most, x) => Math.max(most, Math.abs(x)), 0);

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Row `i` of [n, width]. */
export const row = (matrix: Float32Array, width: number, i: number): Float32Array =>
  matrix.subarray(i * width, (i + 1) * width);
