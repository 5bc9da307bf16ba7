import { LatencyModel } from '../../src/planner/latency.js';
import type { PointProfile, Quantiles } from '../../src/planner/frontier.js';

/** A point whose stages always take the same. */
export const point = (at: string, decode: number, encode: number, rbo: number): PointProfile => ({
  at,
  decodeMs: { p50: decode, p95: decode },
  encodeMs: { p50: encode, p95: encode },
  fidelity: { top1Agreement: rbo, recallAt10: rbo, rbo },
});

const nothing: Quantiles = { p50: 0, p95: 0 };

/** Search and reply take no time, unless said otherwise. */
export const latencyOf = (
  points: readonly PointProfile[],
  slots: number,
  searchMs = nothing,
  replyMs = nothing,
): LatencyModel => new LatencyModel(points, { slots, pictureBytes: 50_000, searchMs, replyMs });

/** 2, 5, 10, 20 and 40 ms, decoding included; fidelities 0.6 … 1. */
export const five: readonly PointProfile[] = [
  point('a', 1, 1, 0.6),
  point('b', 1, 4, 0.75),
  point('c', 1, 9, 0.87),
  point('d', 2, 18, 0.95),
  point('full', 2, 38, 1),
];

/** The same; on all cores the last two take 12 and 22. */
export const fiveOrAlone: readonly PointProfile[] = five.map(profile => {
  const ms = { d: 10, full: 20 }[profile.at];
  return ms === undefined ? profile : { ...profile, encodeAloneMs: { p50: ms, p95: ms } };
});
