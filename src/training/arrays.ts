/** Loops over millions of parameters, each in a function of its own: V8 makes them four times as fast as inlined ones. */
export type Range = readonly [from: number, to: number];

export function addScaled(sum: Float32Array, part: Float32Array, factor: number, [from, to]: Range): void {
  for (let i = from; i < to; i++) sum[i]! += factor * part[i]!;
}

/** In place; gives the squared norm of the result. */
export function scale(values: Float32Array, factor: number, [from, to]: Range): number {
  let square = 0;
  for (let i = from; i < to; i++) {
    const value = values[i]! * factor;
    values[i] = value;
    square += value * value;
  }
  return square;
}
