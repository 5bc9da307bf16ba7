/**
 * Which operating point a request gets: SlackFit of SuperServe (NSDI'25, section 4.2), the most faithful point whose
 * predicted p95 fits in the slack. A pure function of numbers; a dozen points are looked at once or twice.
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

/** Times in milliseconds. */
export interface PricedPoint {
  /** expected rank-biased overlap with the full model's answer */
  readonly fidelity: number;
  /** predicted 95th percentile of decoding and encoding now */
  readonly p95: number;
  /** predicted median of both with every slot busy: what it takes of the slots' time */
  readonly work: number;
}

/**
 * What a point should take for the sake of other requests, milliseconds: heeded where there is a choice, never the cause
 * of a miss. For those to come, one of the two has to hold.
 */
export interface Limits {
  /** most p95, for those who wait */
  readonly p95: number;
  /** for those to come: most work, or else ... */
  readonly work: number;
  /** ... most p95 */
  readonly spare: number;
}

export interface Choice {
  /** place among the points */
  readonly point: number;
  readonly why: 'fits' | 'degraded' | 'best';
}

/**
 * Predictions are learned, so those of neighbours can cross; the order of the frontier is kept by taking the lower one.
 * @param points the frontier, in ascending order of fidelity
 * @returns the same with p95 and work ascending too
 */
export function ordered(points: readonly PricedPoint[]): PricedPoint[] {
  const result = [...points];
  for (let i = result.length - 2; i >= 0; i--) {
    const [here, next] = [result[i]!, result[i + 1]!];
    result[i] = { ...here, p95: Math.min(here.p95, next.p95), work: Math.min(here.work, next.work) };
  }
  return result;
}

/**
 * More slack never means a less faithful point, but for `best`, which has nothing left to save when it misses. A point is
 * never chosen where a more faithful one costs no more.
 * @param points not empty; fidelity, p95 and work ascend
 * @param slack milliseconds until the point must be done
 * @returns undefined to reject
 */
export function choose(
  points: readonly PricedPoint[],
  slack: number,
  { minFidelity = 0, onMiss }: Wish,
  limits: Limits = { p95: slack, work: Infinity, spare: Infinity },
): Choice | undefined {
  const first = firstWith(
    points.map(point => point.fidelity),
    minFidelity,
  );
  const within = points.findLastIndex(
    ({ p95, work }) => p95 <= Math.min(slack, limits.p95) && (work <= limits.work || p95 <= limits.spare),
  );
  if (within >= first) return { point: within, why: 'fits' };
  if (points[first]!.p95 <= slack) return { point: lastAs(points, first), why: 'fits' };
  if (onMiss === 'reject') return undefined;
  if (onMiss === 'best') return { point: minFidelity > 0 ? lastAs(points, first) : points.length - 1, why: 'best' };
  return { point: within >= 0 ? within : lastAs(points, 0), why: 'degraded' };
}

/**
 * How much work a request may be, so that as much for each that comes would leave slots free often enough. Slack shows a
 * burst when it has made a queue, and at full load a queue does not end; the rate shows it before.
 * @param rate requests a millisecond
 * @param slots requests served at once
 * @param share of the slots' time that is planned for
 */
export function pace(rate: number, slots: number, share: number): number {
  return (share * slots) / rate;
}

/** log of how rarely `backlog` is exceeded: so rarely because machines hesitate, and requests come in clusters */
const rarity = 12;

/**
 * How much work requests to come heap up at most, while each is as short as can be: the slots take it off evenly, a Poisson
 * stream adds to it. It exceeds x with a probability below exp(-r x), where r solves rate (exp(r work / slots) - 1) = r
 * (Lundberg's inequality of ruin theory; Asmussen & Albrecher 2010, "Ruin Probabilities", chapter IV).
 * @param rate requests a millisecond
 * @param work milliseconds of a slot that each takes
 * @returns milliseconds until the slots have made up for it; Infinity if they never do
 */
export function backlog(rate: number, work: number, slots: number): number {
  const load = (rate * work) / slots;
  if (load >= 1) return Infinity;
  if (load <= 0) return 0;
  // y = r work / slots, by bisection: load (exp(y) - 1) - y is negative below the root and positive above
  let [low, high] = [0, 1];
  const isBelow = (y: number) => load * Math.expm1(y) < y;
  while (isBelow(high)) high *= 2;
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    if (isBelow(middle)) low = middle;
    else high = middle;
  }
  return ((rarity / high) * work) / slots;
}

/**
 * How long a request should take at most so that those behind it, each taking as long, are in time too. The j-th of
 * them (from 1) starts when j more have left the slots, one every ms / slots, and then takes ms itself. SuperServe sees
 * a burst only once the slack of the queue's head has shrunk; looking down the queue sees it when it arrives.
 * @param others slacks of the other requests that wait and can be in time, ascending, milliseconds
 * @param slots requests served at once
 * @returns milliseconds; Infinity if nobody waits
 */
export function allowance(others: readonly number[], slots: number): number {
  return others.reduce((ms, other, i) => Math.min(ms, other / (1 + (i + 1) / slots)), Infinity);
}

/**
 * The first point with this fidelity; the last, the full model, if asked for more than there is.
 * @param fidelities ascending
 */
export function firstWith(fidelities: readonly number[], minFidelity: number): number {
  const first = fidelities.findIndex(fidelity => fidelity >= minFidelity);
  return first < 0 ? fidelities.length - 1 : first;
}

/** The last one that costs no more than the i-th. */
function lastAs(points: readonly PricedPoint[], i: number): number {
  const most = points[i]!;
  return points.findLastIndex(({ p95, work }) => p95 <= most.p95 && work <= most.work);
}
