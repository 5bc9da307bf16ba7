/** What a submodel costs, from its shape alone. */
import { type Architecture, patchCount } from './architecture.js';
import { type OperatingPoint, fullPoint } from './operating-point.js';
import { type Submodel, ffnWidths } from './submodel.js';

/**
 * Multiply-accumulates of the matrix products for one picture. The last block computes its query, its attention
 * and its FFN for the class token alone, since nothing else of it is read (graph/forward.ts).
 */
export function macs(a: Architecture, submodel: Submodel, resolution: number): number {
  const d = a.width;
  const patches = patchCount(a, resolution);
  const tokens = patches + 1;
  let sum = patches * 3 * a.patch ** 2 * d;
  ffnWidths(a, submodel).forEach((m, layer) => {
    const rows = layer === a.depth - 1 ? 1 : tokens; // tokens whose output is read
    const projections = 2 * tokens * d * d + 2 * rows * d * d; // keys and values; queries and output
    const attention = 2 * rows * tokens * d;
    sum += projections + attention + 2 * rows * d * m;
  });
  return sum;
}

/** macs of an operating point as a share of the full model's at its own resolution; precision does not enter. */
export function relativeMacs(a: Architecture, point: OperatingPoint): number {
  const full = fullPoint(a);
  return macs(a, point.submodel, point.resolution) / macs(a, full.submodel, full.resolution);
}

/** Parameters that the submodel uses. */
export function parameterCount(a: Architecture, submodel: Submodel): number {
  const d = a.width;
  const embedding = (3 * a.patch ** 2 + 1) * d + (patchCount(a, a.resolution) + 1) * d;
  const block = 4 * d + 4 * (d * d + d) + d; // norms, attention, FFN output bias
  const ffn = ffnWidths(a, submodel).reduce((sum, m) => sum + m * (2 * d + 1), 0);
  return embedding + a.depth * block + ffn + 2 * d;
}
