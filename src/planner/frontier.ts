/** The operating points worth having: each is the most faithful for its cost (SuperServe, NSDI'25, section 4). */
import type { Fidelity } from './fidelity.js';

/** Two points of a distribution, milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

/** What calibration found out about an operating point on one machine and one corpus. Plain data: JSON keeps it whole. */
export interface PointProfile {
  /** as printOperatingPoint writes it */
  readonly at: string;
  /** picture bytes to pixels at the point's resolution, nothing else running */
  readonly decodeMs: Quantiles;
  /** pixels to embedding, nothing else running */
  readonly encodeMs: Quantiles;
  /** the same on all cores that one call can have; left out where that is no faster */
  readonly encodeAloneMs?: Quantiles | undefined;
  readonly fidelity: Fidelity;
  /**
   * How much lower its queries' best scores are than the full model's, as a share: of the mean of the lowest fifth;
   * left out if nobody knows
   */
  readonly scoreRatio?: number | undefined;
}

/**
 * The sum of two stages. Its 95th percentile takes their deviations from the median as independent, so they add like
 * standard deviations; the sum of both p95 would overrate it by a tenth where the stages are alike.
 */
export function sumOf(a: Quantiles, b: Quantiles): Quantiles {
  const p50 = a.p50 + b.p50;
  return { p50, p95: p50 + Math.sqrt((a.p95 - a.p50) ** 2 + (b.p95 - b.p50) ** 2) }; // hypot takes ten times as long
}

/** p95 of decoding and encoding, milliseconds. */
export function costOf({ decodeMs, encodeMs }: PointProfile): number {
  return sumOf(decodeMs, encodeMs).p95;
}

/**
 * The Pareto frontier of cost against fidelity, cheapest first: both rise strictly from point to point. The last one is
 * always the full model: others that agreed with it on every query of a sample (fidelity 1) stay before it, the best
 * of them only.
 * @param full the `at` of the full model, which must be among the profiles
 * @param most points kept; the cheapest and the full model always are (so at least 2)
 */
export function frontier(profiles: readonly PointProfile[], full: string, most: number): PointProfile[] {
  const last = profiles.find(profile => profile.at === full);
  if (!last) throw new RangeError(`the profiles do not have the full model, ${full}`);
  const rivals = profiles
    .filter(profile => profile !== last && costOf(profile) < costOf(last))
    .sort((a, b) => costOf(a) - costOf(b) || b.fidelity.rbo - a.fidelity.rbo || (a.at < b.at ? -1 : 1));
  const kept: PointProfile[] = [];
  for (const profile of rivals)
    if (kept.length === 0 || profile.fidelity.rbo > kept.at(-1)!.fidelity.rbo) kept.push(profile);
  return thin([...kept, last], most);
}

/**
 * Drops, one by one, the point that will be missed least: budgets between its cost and the next one's fall back to the
 * point before. What is lost is the area of that step, with costs on a logarithmic axis, where budgets are spread.
 */
function thin(points: PointProfile[], most: number): PointProfile[] {
  const loss = (i: number): number => {
    const [before, here, after] = [points[i - 1]!, points[i]!, points[i + 1]!];
    return (here.fidelity.rbo - before.fidelity.rbo) * Math.log(costOf(after) / costOf(here));
  };
  while (points.length > Math.max(most, 2)) {
    let least = 1;
    for (let i = 2; i < points.length - 1; i++) if (loss(i) < loss(least)) least = i;
    points.splice(least, 1);
  }
  return points;
}
