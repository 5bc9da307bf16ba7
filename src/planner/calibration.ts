/**
 * What `matvit calibrate` finds out about a model on one machine and one corpus, as plain data: `calibration.json` beside
 * an index, and the defaults in the model's own model.json, so that a new index is adaptive at once.
 */
import { z } from 'zod';
import type { PointProfile } from './frontier.js';
import type { LatencyOptions } from './latency.js';

export interface Calibration extends Omit<LatencyOptions, 'slots'> {
  /** of the model */
  readonly fingerprint: string;
  /** whose latencies these are */
  readonly cpu: string;
  /** pictures searched with */
  readonly queries: number;
  /** pictures searched */
  readonly pictures: number;
  /** the frontier, cheapest first */
  readonly points: readonly PointProfile[];
}

export const calibrationFile = 'calibration.json';

const ms = z.number().positive();
const quantiles = z
  .object({ p50: ms, p95: ms })
  .refine(({ p50, p95 }) => p50 <= p95, 'a median is above its 95th percentile');
const share = z.number().min(0).max(1);

const schema = z.object({
  fingerprint: z.string(),
  cpu: z.string(),
  queries: z.number().int().nonnegative(),
  pictures: z.number().int().nonnegative(),
  pictureBytes: z.number().positive(),
  searchMs: quantiles,
  replyMs: quantiles,
  points: z
    .array(
      z.object({
        at: z.string(),
        decodeMs: quantiles,
        encodeMs: quantiles,
        encodeAloneMs: quantiles.optional(),
        fidelity: z.object({ top1Agreement: share, recallAt10: share, rbo: share }),
        scoreRatio: z.number().positive().optional(),
      }),
    )
    .min(1)
    .refine(isAscending, 'the points are not in the order of their fidelity'),
}) satisfies z.ZodType<Calibration>;

function isAscending(points: readonly PointProfile[]): boolean {
  return points.every(({ fidelity }, i) => i === 0 || points[i - 1]!.fidelity.rbo <= fidelity.rbo);
}

/** @throws RangeError if it is no calibration, or one of other weights */
export function parseCalibration(value: unknown, fingerprint: string): Calibration {
  const { success, data, error } = schema.safeParse(value);
  if (!success) throw new RangeError(z.prettifyError(error).split('\n')[0]);
  if (data.fingerprint !== fingerprint) throw new RangeError('it was measured with other weights');
  return data;
}

/**
 * For a model that nobody has calibrated: the full model is the only point, since nothing is known of the others'
 * fidelity. Its latency is a guess that the first requests correct.
 */
export function uncalibrated(fingerprint: string, full: string): Calibration {
  const guess = { p50: 20, p95: 30 };
  return {
    fingerprint,
    cpu: 'none',
    queries: 0,
    pictures: 0,
    pictureBytes: 100_000,
    searchMs: { p50: 0.5, p95: 1 },
    replyMs: { p50: 0.5, p95: 1 },
    points: [
      {
        at: full,
        decodeMs: { p50: 3, p95: 5 },
        encodeMs: guess,
        fidelity: { top1Agreement: 1, recallAt10: 1, rbo: 1 },
      },
    ],
  };
}
