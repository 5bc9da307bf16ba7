/**
 * How long one stage takes at each operating point, learned from every request. In logarithms a duration is a sum:
 *
 *     log ms = point + crowd[busy] + machine + noise
 *
 * `point` is what calibration measured, `crowd` what company on the other slots costs, `machine` how slow the machine is
 * just now. Each term follows the same residual at its own rate: `machine` within a few requests, whatever points they
 * used, so that a point unused for an hour is predicted for the present; the others in hundreds. Every step is bounded
 * (Huber's psi), so that no single request can do damage: stochastic approximation, Robbins & Monro 1951.
 *
 * `machine` is quick when residuals agree in sign and slow when they do not (Trigg & Leach 1967, "Exponential Smoothing
 * with an Adaptive Response Rate"), so that it neither lags behind a change nor trembles without one.
 */
import type { Quantiles } from './frontier.js';

/** Shares of a residual that the terms move by; that of `machine` is its most. */
const rates = { machine: 0.3, point: 0.004, crowd: 0.02 };
/** Share of a residual that the means move by which tell whether residuals agree. */
const smoothing = 0.15;
/** Residuals are cut to this, in logarithms: one that took three times as long counts as one that took 1.65 times. */
const bound = 0.5;
/** Step of the p95's distance above the median, in logarithms: up 0.95 of it, down 0.05 of it. */
const spreadStep = 0.015;
/** No stage is taken to be shorter, milliseconds: it has to have a logarithm. */
const shortest = 1e-3;

export class StageModel {
  private readonly point: number[];
  /** log(p95 / p50) of each point at calibration */
  private readonly calibratedSpread: readonly number[];
  /** what is added to it now: the machine's doing, so points that are not used learn it too and never look steadier */
  private moreSpread = 0;
  /** shares of that: interruptions come by the millisecond, so they spread long stages less, by the root of their length */
  private readonly exposure: readonly number[];
  private readonly crowd: number[];
  private machine = 0;
  /** the least that `machine` has been */
  private fastest = 0;
  /** predictions for factor 1 since the last observation, by point and busy: whoever waits asks for the same ones */
  private readonly predictions = new Map<number, Quantiles>();
  /** means of the latest residuals and of their sizes */
  private readonly recent = { mean: 0, size: 0.1 };

  /** @param calibrated of each point @param slots requests served at once, at most */
  constructor(calibrated: readonly Quantiles[], slots: number) {
    const medians = calibrated.map(({ p50 }) => Math.max(p50, shortest));
    const least = Math.min(...medians);
    this.point = medians.map(p50 => Math.log(p50));
    this.calibratedSpread = calibrated.map(({ p95 }, i) => Math.max(0, Math.log(p95 / medians[i]!)));
    this.exposure = medians.map(p50 => Math.sqrt(least / p50));
    this.crowd = new Array<number>(slots + 1).fill(0);
  }

  /** How many times slower than at calibration the machine is now. */
  get slowdown(): number {
    return Math.exp(this.machine);
  }

  /** @param busy requests being served, this one included @param factor what else is known of this request */
  predict(point: number, busy: number, factor = 1): Quantiles {
    const key = point * this.crowd.length + busy;
    let known = this.predictions.get(key);
    if (!known) {
      const p50 = Math.exp(this.median(point, busy));
      known = { p50, p95: p50 * Math.exp(this.spread(point)) };
      this.predictions.set(key, known);
    }
    return factor === 1 ? known : { p50: known.p50 * factor, p95: known.p95 * factor };
  }

  /** The median when the machine was as fast as it has been, milliseconds. */
  whenFastest(point: number, factor = 1): number {
    return Math.exp(this.point[point]! + this.fastest) * factor;
  }

  /** @param ms what it took */
  observe(point: number, busy: number, ms: number, factor = 1): void {
    const residual = Math.log(Math.max(ms, shortest) / factor) - this.median(point, busy);
    const spread = this.spread(point);
    if (residual > spread) this.moreSpread += 0.95 * spreadStep * this.exposure[point]!;
    else if (spread > 0) this.moreSpread -= 0.05 * spreadStep * this.exposure[point]!;
    const step = Math.max(-bound, Math.min(bound, residual));
    const { recent } = this;
    recent.mean += smoothing * (step - recent.mean);
    recent.size += smoothing * (Math.abs(step) - recent.size);
    this.machine += rates.machine * (recent.mean / recent.size) ** 2 * step;
    this.fastest = Math.min(this.fastest, this.machine);
    this.point[point]! += rates.point * step;
    if (busy > 1) this.crowd[busy]! += rates.crowd * step; // alone is what calibration measured
    this.predictions.clear();
  }

  private spread(point: number): number {
    return Math.max(0, this.calibratedSpread[point]! + this.exposure[point]! * this.moreSpread);
  }

  private median(point: number, busy: number): number {
    return this.point[point]! + this.crowd[busy]! + this.machine;
  }
}
