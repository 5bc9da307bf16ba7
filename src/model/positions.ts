/** Position embeddings at any resolution, by antialiased bicubic resampling (half-pixel centres, a = -0.5). */
import { type Architecture, patchCount } from './architecture.js';

/** Keys' cubic kernel (1981) with a = -0.5, as in Pillow and torch's antialiased interpolate. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  if (t < 2) return ((-0.5 * t + 2.5) * t - 4) * t + 2;
  return 0;
}

/** One-dimensional resampling weights, [to, from]; each row sums to 1. */
export function resamplingWeights(from: number, to: number): Float64Array {
  const scale = from / to;
  const stretch = Math.max(scale, 1); // a wider kernel when shrinking is what antialiases
  const weights = new Float64Array(to * from);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - 2 * stretch + 0.5));
    const last = Math.min(from, Math.floor(centre + 2 * stretch + 0.5));
    let sum = 0;
    for (let j = first; j < last; j++) sum += weights[i * from + j] = cubic((j + 0.5 - centre) / stretch);
    for (let j = first; j < last; j++) weights[i * from + j]! /= sum;
  }
  return weights;
}

/**
 * The linear map from the tokens of a grid of from x from patches to those of to x to: [1 + to², 1 + from²].
 * The class token's row is kept; the grid is resampled separably.
 */
export function tokenMap(from: number, to: number): Float32Array {
  const w = resamplingWeights(from, to);
  const columns = 1 + from * from;
  const map = new Float32Array((1 + to * to) * columns);
  map[0] = 1;
  for (let y = 0; y < to; y++)
    for (let x = 0; x < to; x++)
      for (let v = 0; v < from; v++)
        for (let u = 0; u < from; u++)
          map[(1 + y * to + x) * columns + 1 + v * from + u] = w[y * from + v]! * w[x * from + u]!;
  return map;
}

/** Position embeddings for a resolution, [1 + patches, width], from the stored ones [1 + stored patches, width]. */
export function positionsAt(a: Architecture, stored: Float32Array, resolution: number): Float32Array {
  if (resolution === a.resolution) return stored;
  const map = tokenMap(a.resolution / a.patch, Math.sqrt(patchCount(a, resolution)));
  const rowsIn = stored.length / a.width;
  const out = new Float32Array((map.length / rowsIn) * a.width);
  for (let i = 0; i * rowsIn < map.length; i++)
    for (let j = 0; j < rowsIn; j++) {
      const weight = map[i * rowsIn + j]!;
      if (weight !== 0) for (let c = 0; c < a.width; c++) out[i * a.width + c]! += weight * stored[j * a.width + c]!;
    }
  return out;
}
