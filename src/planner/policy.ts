/**
 * Which operating point a request gets: SlackFit of SuperServe (NSDI'25, section 4.2), the most faithful point whose
 * predicted p95 fits in the slack. A pure function of numbers; at most 24 points are looked at once or twice.
 */

export const onMissValues = ['degrade', 'reject', 'best'] as const;
/**
 * What to do when no point with the fidelity asked for fits: keep to the time as well as possible and give less
 * fidelity (`degrade`), give no answer (`reject`), or give up the time and keep the fidelity (`best`).
 */
export type OnMiss = (typeof onMissValues)[number];

export interface Wish {
  /** least rank-biased overlap with the full model's answer, 0 … 1 */
  readonly minFidelity?: number | undefined;
  readonly onMiss: OnMiss;
}

export interface PricedPoint {
  /** expected rank-biased overlap with the full model's answer */
  readonly fidelity: number;
  /** predicted 95th percentile of decoding and encoding now, milliseconds */
  readonly p95: number;
}

export interface Choice {
  /** place among the points */
  readonly point: number;
  readonly why: 'fits' | 'degraded' | 'best';
}

/**
 * More slack never means a less faithful point, but for `best`, which has nothing left to save when it misses. A point
 * that another one beats in both fidelity and p95 is never chosen to fit.
 * @param points in ascending order of fidelity, not empty; their p95 may be in any order, since predictions move
 * @param slack milliseconds until the point must be done
 * @param allowed milliseconds it should take for the sake of others: heeded while a point with the fidelity asked for
 *   does, and never the cause of a miss
 * @returns undefined to reject
 */
export function choose(
  points: readonly PricedPoint[],
  slack: number,
  { minFidelity = 0, onMiss }: Wish,
  allowed = slack,
): Choice | undefined {
  const first = firstWith(
    points.map(point => point.fidelity),
    minFidelity,
  );
  const fitting = mostFaithful(points, first, Math.min(slack, allowed));
  if (fitting !== undefined) return { point: fitting, why: 'fits' };
  const least = cheapest(points, first);
  if (points[least]!.p95 <= slack) return { point: least, why: 'fits' };
  if (onMiss === 'reject') return undefined;
  if (onMiss === 'best') return { point: minFidelity > 0 ? least : points.length - 1, why: 'best' };
  return { point: mostFaithful(points, 0, Math.min(slack, allowed)) ?? cheapest(points, 0), why: 'degraded' };
}

/**
 * How much of its slack a request should use so that those behind it, each using as much, are in time too. The j-th of
 * them (from 1) starts when j more have left the slots, one every ms / slots, and then takes ms itself. SuperServe sees
 * a burst only once the slack of the queue's head has shrunk; looking down the queue sees it when it arrives.
 * @param others slacks of the other requests that wait and can be in time, ascending, milliseconds
 * @param slots requests served at once
 */
export function allowance(slack: number, others: readonly number[], slots: number): number {
  return others.reduce((ms, other, i) => Math.min(ms, other / (1 + (i + 1) / slots)), slack);
}

/**
 * The first point with this fidelity; the last, the full model, if asked for more than there is.
 * @param fidelities ascending
 */
export function firstWith(fidelities: readonly number[], minFidelity: number): number {
  const first = fidelities.findIndex(fidelity => fidelity >= minFidelity);
  return first < 0 ? fidelities.length - 1 : first;
}

function mostFaithful(points: readonly PricedPoint[], from: number, ms: number): number | undefined {
  for (let i = points.length - 1; i >= from; i--) if (points[i]!.p95 <= ms) return i;
  return undefined;
}

function cheapest(points: readonly PricedPoint[], from: number): number {
  let least = from;
  for (let i = from + 1; i < points.length; i++) if (points[i]!.p95 < points[least]!.p95) least = i;
  return least;
}
