/** One request at a time under several budgets: are they met, and was the best point chosen that would have met them? */
import { encodeErrorOf, k, timeOf } from './bench-load.js';
import type { LoadPicture } from './pictures.js';
import type { Sample } from './plan.js';
import type { LoadRig } from './rig.js';

export interface BudgetRow {
  readonly budgetMs: number;
  readonly requests: number;
  /** share answered within the budget, as the client saw it */
  readonly met: number;
  /** the most faithful point whose p95, measured in the same run, fits; absent if not even the cheapest's does */
  readonly best?: {
    readonly at: string;
    /** share of the requests that got this point, and that got it or one beside it on the frontier */
    readonly chosen: number;
    readonly near: number;
  };
  /** of the requests, milliseconds; null where that one had no answer */
  readonly p95: number | null;
  /** median of |predicted - actual| / actual of encoding; null without answers */
  readonly encodeError: number | null;
}

/** What the client saw of one point with nothing else running, milliseconds; null where that request had no answer. */
export interface PointTimes {
  readonly at: string;
  readonly p50: number | null;
  readonly p95: number | null;
}

export interface BudgetBench {
  readonly points: readonly PointTimes[];
  readonly budgets: readonly BudgetRow[];
}

export async function benchBudget(
  rig: LoadRig,
  pictures: readonly LoadPicture[],
  budgets: readonly number[],
  {
    points,
    rounds,
    onProgress,
  }: { points: readonly string[]; rounds: number; onProgress?: (done: number, total: number) => void },
): Promise<BudgetBench> {
  const fixed = points.map(at => `&at=${at}`);
  const chosen = budgets.map(ms => `&budgetMs=${ms}`);
  const queries = [...fixed, ...chosen, ...chosen, ...chosen];
  const samples: Sample[][] = queries.map(() => []);
  // in turn, so that all of them see the same machine
  for (let round = 0; round < rounds; round++) {
    for (const [i, query] of queries.entries()) {
      const picture = pictures[(round * 7 + i) % pictures.length]!;
      const result = await rig.run({ query: `k=${k}${query}`, pictures: [picture.bytes], arrivals: [0] });
      samples[i]!.push(...result.samples);
    }
    onProgress?.(round + 1, rounds);
  }
  const measured = points.map((at, i) => ({ at, p50: timeOf(samples[i]!, 0.5), p95: timeOf(samples[i]!, 0.95) }));
  const rows = budgets.map((budgetMs, b) => {
    const mine = [0, 1, 2].flatMap(turn => samples[fixed.length + turn * budgets.length + b]!);
    return budgetRow(budgetMs, mine, measured);
  });
  return { points: measured, budgets: rows };
}

/** @param samples of the requests with this budget @param points of the frontier, cheapest first */
export function budgetRow(budgetMs: number, samples: readonly Sample[], points: readonly PointTimes[]): BudgetRow {
  const best = points.findLastIndex(({ p95 }) => p95 !== null && p95 <= budgetMs);
  const share = (test: (sample: Sample) => boolean) => samples.filter(test).length / samples.length;
  const place = ({ answer }: Sample) => points.findIndex(({ at }) => at === answer?.at);
  const within = (steps: number) => share(sample => place(sample) >= 0 && Math.abs(place(sample) - best) <= steps);
  return {
    budgetMs,
    requests: samples.length,
    met: share(({ ms, answer }) => answer !== undefined && ms <= budgetMs),
    ...(best >= 0 && { best: { at: points[best]!.at, chosen: within(0), near: within(1) } }),
    p95: timeOf(samples, 0.95),
    encodeError: encodeErrorOf(samples),
  };
}
