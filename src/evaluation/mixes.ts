/** How well do mixes do that were never trained (MatFormer, section 4.1.2)? The line between the trained ones tells. */
import { type Architecture, granularityNames } from '../model/architecture.js';
import { type OperatingPoint, precisions } from '../model/operating-point.js';
import { uniform } from '../model/submodel.js';
import { untrainedMixes } from '../training/mixes.js';
import { random } from '../training/random.js';
import type { PointEvaluation } from './evaluate.js';

/** The trained granularities and `count` random untrained mixes, all at the model's own resolution. */
export function mixPoints(
  a: Architecture,
  count: number,
  seed = 1,
): { trained: OperatingPoint[]; mixes: OperatingPoint[] } {
  const at = (submodel: readonly number[]) => ({ submodel, resolution: a.resolution, precision: precisions[0] });
  const all = untrainedMixes(a);
  const r = random(seed);
  const mixes = Array.from({ length: Math.min(count, all.length) }, () => at(all.splice(r.below(all.length), 1)[0]!));
  return { trained: granularityNames.map(name => at(uniform(a, name))), mixes };
}

/** Accuracy at a cost on the line through the trained points on both sides of it. */
export function accuracyOnLine(trained: readonly PointEvaluation[], macs: number): number {
  const sorted = [...trained].sort((p, q) => p.relativeMacs - q.relativeMacs);
  const right = Math.max(
    1,
    sorted.findIndex(point => point.relativeMacs >= macs),
  );
  const [p, q] = [sorted[right - 1]!, sorted[right]!];
  const share = (macs - p.relativeMacs) / (q.relativeMacs - p.relativeMacs);
  return p.accuracy1nn + share * (q.accuracy1nn - p.accuracy1nn);
}
