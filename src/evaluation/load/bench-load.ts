/** Policies in turn on the same traces of requests, against a real server. */
import { availableParallelism } from 'node:os';
import { MatvitError } from '../../errors.js';
import { fidelityOf } from '../../planner/fidelity.js';
import { median, quantile } from '../../statistics.js';
import type { LoadPicture } from './pictures.js';
import type { LoadResult, Sample } from './plan.js';
import type { LoadRig } from './rig.js';
import { bursty, poisson } from './traces.js';

export const traces = { poisson, bursty } as const;
export type TraceName = keyof typeof traces;

export interface Load {
  readonly trace: TraceName;
  /** mean requests a second, as a multiple of the full model's measured capacity */
  readonly times: number;
}

export interface LoadRow extends Load {
  readonly policy: string;
  readonly budgetMs: number;
  /** requests a second, on average */
  readonly rate: number;
  readonly requests: number;
  /** share answered within the budget; refusals and errors count against it */
  readonly attainment: number;
  /** mean rank-biased overlap with the full model's answers, over the requests that met the budget; null if none did */
  readonly fidelity: number | null;
  /** of the requests, milliseconds; null where that one had no answer */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** answers a second */
  readonly throughput: number;
  readonly refused: number;
  /** median of |predicted - actual| / actual of encoding; null without answers */
  readonly encodeError: number | null;
  /** share of one core that the generator used */
  readonly generatorCpu: number;
  /** p99 of how late the generator sent, milliseconds */
  readonly lateP99: number;
}

/** Enough for ten, whether or not the query's own picture is among them. */
export const k = 11;

/** Requests under way that keep every slot of a server busy, which has one a core. */
export const saturating = 2 * availableParallelism();

/** The full model's ranking of each picture, the picture itself left out. @throws REQUEST_TIMEOUT if it is too slow */
export async function references(rig: LoadRig, pictures: readonly LoadPicture[], full: string): Promise<number[][]> {
  const rankings: number[][] = [];
  for (const { id, bytes } of pictures) {
    const { samples } = await rig.run({ query: `k=${k}&at=${full}`, pictures: [bytes], arrivals: [0] });
    const ids = samples[0]?.answer?.ids;
    if (!ids) throw new MatvitError('REQUEST_TIMEOUT', `the server gave no answer at ${full}`);
    rankings.push(without(ids, id));
  }
  return rankings;
}

export const without = (ids: readonly number[], own: number): number[] => ids.filter(id => id !== own).slice(0, k - 1);

/** Requests a second that the full model answers, with all slots busy. */
export async function capacityOf(
  rig: LoadRig,
  pictures: readonly LoadPicture[],
  full: string,
  ms: number,
): Promise<number> {
  const bytes = pictures.map(picture => picture.bytes);
  const query = `k=${k}&at=${full}`;
  await rig.run({ query, pictures: bytes, arrivals: { inFlight: saturating, ms: ms / 3 } });
  const result = await rig.run({ query, pictures: bytes, arrivals: { inFlight: saturating, ms } });
  return (1000 * result.samples.filter(({ status }) => status === 200).length) / result.ms;
}

/** One slice's run, without the requests that led into it. @param leadInMs how long they came */
export function counted({ samples, ms, cpu }: LoadResult, leadIn: number, leadInMs: number): LoadResult {
  return { samples: samples.slice(leadIn), ms: ms - leadInMs, cpu };
}

/** Several runs as one. */
export function pooled(results: readonly LoadResult[]): LoadResult {
  const ms = results.reduce((sum, result) => sum + result.ms, 0);
  return {
    samples: results.flatMap(({ samples }) => samples),
    ms,
    cpu: results.reduce((sum, result) => sum + result.cpu * result.ms, 0) / ms,
  };
}

/** @param share 0 … 1 @returns milliseconds of that quantile of all requests; null where that one had no answer */
export function timeOf(samples: readonly Sample[], share: number): number | null {
  const ms = quantile(
    samples.map(({ answer, ms }) => (answer ? ms : Infinity)),
    share,
  );
  return Number.isFinite(ms) ? ms : null;
}

/** Median of |predicted - actual| / actual of encoding; null without answers. */
export function encodeErrorOf(samples: readonly Sample[]): number | null {
  const errors = samples.flatMap(({ answer }) =>
    answer ? Math.abs(answer.predictedEncodeMs - answer.encodeMs) / answer.encodeMs : [],
  );
  return errors.length === 0 ? null : median(errors);
}

/** What was sent for a row, and what is known of it. */
export interface Measured extends Pick<LoadRow, 'policy' | 'budgetMs' | 'rate'> {
  readonly load: Load;
  readonly pictures: readonly LoadPicture[];
  /** the full model's ranking of each picture */
  readonly reference: readonly number[][];
}

export function rowOf({ samples, ms, cpu }: LoadResult, measured: Measured): LoadRow {
  const { load, policy, budgetMs, rate, pictures, reference } = measured;
  const answers = samples.filter(sample => sample.answer !== undefined);
  const met = answers.filter(sample => sample.ms <= budgetMs);
  const fidelities = met.map(
    ({ picture, answer }) => fidelityOf(without(answer!.ids, pictures[picture]!.id), reference[picture]!).rbo,
  );
  return {
    ...load,
    ...{ policy, budgetMs, rate, requests: samples.length },
    attainment: met.length / samples.length,
    fidelity: fidelities.length === 0 ? null : fidelities.reduce((sum, rbo) => sum + rbo) / fidelities.length,
    ...{ p50: timeOf(samples, 0.5), p95: timeOf(samples, 0.95), p99: timeOf(samples, 0.99) },
    throughput: (1000 * answers.length) / ms,
    refused: samples.length - answers.length,
    encodeError: encodeErrorOf(samples),
    generatorCpu: cpu,
    lateP99: quantile(samples.map(({ lateMs }) => lateMs), 0.99), // prettier-ignore
  };
}
