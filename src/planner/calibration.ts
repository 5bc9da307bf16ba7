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
const quantiles = z.object({ p50: ms, p95: ms });
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
    .min(1),
}) satisfies z.ZodType<Calibration>;

/** @returns undefined if it is no calibration, or one of another model: it can always be measured again */
export function parseCalibration(value: unknown, fingerprint: string): Calibration | undefined {
  const result = schema.safeParse(value);
  return result.success && result.data.fingerprint === fingerprint ? result.data : undefined;
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
