/** One request at a time under several budgets: are they met, and was the best point chosen that would have met them? */
import { median, quantile } from '../../statistics.js';
import { k } from './bench-load.js';
import type { LoadPicture } from './pictures.js';
import type { Sample } from './plan.js';
import type { LoadRig } from './rig.js';

export interface BudgetRow {
  readonly budgetMs: number;
  readonly requests: number;
  /** share answered within the budget, as the client saw it */
  readonly met: number;
  /** the most faithful point whose p95, measured in the same run, fits; absent if not even the cheapest's does */
  readonly best?: string;
  /** share of the requests that got this point, and that got it or one beside it on the frontier */
  readonly choseBest: number;
  readonly choseNear: number;
  readonly p95: number;
  /** median of |predicted - actual| / actual of encoding */
  readonly encodeError: number;
}

export interface BudgetBench {
  /** milliseconds that the client saw, with nothing else running */
  readonly points: readonly { at: string; p50: number; p95: number }[];
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
  const measured = points.map((at, i) => {
    const ms = samples[i]!.map(sample => sample.ms);
    return { at, p50: median(ms), p95: quantile(ms, 0.95) };
  });
  const rows = budgets.map((budgetMs, b): BudgetRow => {
    const mine = [0, 1, 2].flatMap(turn => samples[fixed.length + turn * budgets.length + b]!);
    const best = measured.findLastIndex(({ p95 }) => p95 <= budgetMs);
    const share = (test: (sample: Sample) => boolean) => mine.filter(test).length / mine.length;
    const place = (sample: Sample) => points.indexOf(sample.answer?.at ?? '');
    return {
      budgetMs,
      requests: mine.length,
      met: share(({ ms, status }) => status === 200 && ms <= budgetMs),
      ...(best >= 0 && { best: points[best]! }),
      choseBest: share(sample => place(sample) === best),
      choseNear: share(sample => place(sample) >= 0 && Math.abs(place(sample) - best) <= 1),
      p95: quantile(mine.map(({ ms }) => ms), 0.95), // prettier-ignore
      encodeError: median(
        mine.flatMap(({ answer }) =>
          answer ? Math.abs(answer.predictedEncodeMs - answer.encodeMs) / answer.encodeMs : [],
        ),
      ),
    };
  });
  return { points: measured, budgets: rows };
}
