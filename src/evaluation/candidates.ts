/**
 * Which operating points calibration measures. The lattice of 455 mixes by resolutions and precisions has thousands,
 * so it is searched from coarse to fine: first mixes evenly spread along the path from S to XL, then the neighbours in the
 * whole lattice of what is on the frontier so far.
 */
import type { Architecture } from '../model/architecture.js';
import { granularityNames } from '../model/architecture.js';
import type { OperatingPoint, Precision } from '../model/operating-point.js';
import type { Submodel } from '../model/submodel.js';

/** The least share of the model's own resolution that was trained: 96 of 224 pixels. */
const leastShare = 3 / 7;

/** S, M, L, XL and the mixes half-way between two of them, at every resolution and precision. */
export function coarsePoints(a: Architecture, precisions: readonly Precision[]): OperatingPoint[] {
  const half = Math.floor(a.depth / 2);
  const mixes = granularityNames.flatMap((_, g): Submodel[] => {
    const uniform = new Array<number>(a.depth).fill(g);
    const isLast = g === granularityNames.length - 1;
    return isLast || half === 0 ? [uniform] : [uniform, uniform.map((low, layer) => (layer < half ? low : low + 1))];
  });
  const sides: number[] = [];
  for (let side = a.resolution; side >= leastShare * a.resolution; side -= a.patch) sides.push(side);
  return mixes.flatMap(submodel =>
    sides.flatMap(resolution => precisions.map(precision => ({ submodel, resolution, precision }))),
  );
}

/** Mixes with a quarter of the layers one granularity more or less; still non-decreasing with depth. */
export function neighbours(a: Architecture, point: OperatingPoint): OperatingPoint[] {
  const quarter = Math.max(1, Math.floor(a.depth / 4));
  const { submodel } = point;
  const top = granularityNames.length - 1;
  const moved: Submodel[] = [];
  for (let g = 0; g < granularityNames.length; g++) {
    const first = submodel.indexOf(g);
    if (first < 0) continue;
    const last = submodel.lastIndexOf(g);
    const change = (from: number, to: number, by: number) =>
      submodel.map((was, layer) => (layer >= from && layer <= to ? was + by : was));
    // the deepest layers of a run can rise, its first ones fall, without breaking the order
    if (g < top) moved.push(change(Math.max(first, last - quarter + 1), last, 1));
    if (g > 0) moved.push(change(first, Math.min(last, first + quarter - 1), -1));
  }
  const isOrdered = (mix: Submodel) => mix.every((g, layer) => layer === 0 || g >= mix[layer - 1]!);
  return moved.filter(isOrdered).map(mix => ({ ...point, submodel: mix }));
}
