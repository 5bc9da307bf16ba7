/**
 * How long one stage takes at each operating point, learned from every request. In logarithms a duration is a sum:
 *
 *     log ms = point + crowd[busy] + machine + noise
 *
 * `point` is what calibration measured, `crowd` what company on the other slots costs, `machine` how slow the machine is
 * just now: the median of the latest residuals, whatever points they are of, so that a point unused for an hour is predicted
 * for the present, and no single request does damage. A change that is more than noise ends the window where it began
 * (`Cusum`). The other terms follow the median too, in hundreds of requests, by steps of the residual's sign (stochastic
 * approximation, Robbins & Monro 1951): were they after the mean, which interruptions raise, they would rise for ever and
 * `machine` sink as far. Slow phases, which `machine` follows late, have the same effect; a pull towards what calibration
 * measured bounds it.
 */
import { median } from '../statistics.js';
import { Cusum } from './cusum.js';
import type { Quantiles } from './frontier.js';

/** Residuals that `machine` is the median of. Of 9 or of 61 predictions were no better. */
const window = 31;
/** As many requests as calibration counts for, until there are more. */
const prior = 5;
/** Steps of the other terms, in logarithms. */
const steps = { point: 0.0005, crowd: 0.002 };
/** How much of a step a term that is off by 1 leans back: it stays off by 0.2 where 55 of 100 residuals are above 0. */
const pull = 0.5;
/** Where the CUSUM cuts residuals, in logarithms: one that took three times as long counts as one that took 1.65 times. */
const bound = 0.5;
/** Step of the p95's distance above the median, in logarithms: up 0.95 of it, down 0.05 of it. */
const spreadStep = 0.03;
/** How much of it a group forgets with each request of others. */
const forgetting = 1 / 500;
/** No stage is taken to be shorter, milliseconds: it has to have a logarithm. */
const shortest = 1e-3;

export class StageModel {
  private readonly calibrated: readonly number[];
  private readonly point: number[];
  /** log(p95 / p50) of each point at calibration */
  private readonly calibratedSpread: readonly number[];
  /** what is added to it now: the machine's doing, so points that are not used learn it too and never look steadier */
  private readonly moreSpread: number[];
  /** shares of that: interruptions come by the millisecond, so they spread long stages less, by the root of their length */
  private readonly exposure: readonly number[];
  private readonly crowd: number[];
  /** what the latest requests took beyond `point` and `crowd` */
  private latest = new Array<number>(prior).fill(0);
  private readonly change = new Cusum();
  private machine = 0;
  /** the least that `machine` has been */
  private fastest = 0;
  /** predictions for factor 1 since the last observation, by point and busy: whoever waits asks for the same ones */
  private readonly predictions = new Map<number, Quantiles>();

  /**
   * @param calibrated of each point
   * @param slots requests served at once, at most
   * @param groupOf points whose spread changes alike: 0, 1 …; all by default
   */
  constructor(
    calibrated: readonly Quantiles[],
    slots: number,
    private readonly groupOf: (point: number) => number = () => 0,
  ) {
    const medians = calibrated.map(({ p50 }) => Math.max(p50, shortest));
    const least = Math.min(...medians);
    this.calibrated = medians.map(p50 => Math.log(p50));
    this.point = [...this.calibrated];
    this.calibratedSpread = calibrated.map(({ p95 }, i) => Math.max(0, Math.log(p95 / medians[i]!)));
    this.exposure = medians.map(p50 => Math.sqrt(least / p50));
    this.moreSpread = new Array<number>(1 + Math.max(...medians.map((_, i) => groupOf(i)))).fill(0);
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
      const p50 = Math.exp(this.logMedian(point, busy));
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
    const residual = Math.log(Math.max(ms, shortest) / factor) - this.logMedian(point, busy);
    const spread = this.spread(point);
    const group = this.groupOf(point);
    if (residual > spread) this.moreSpread[group]! += 0.95 * spreadStep * this.exposure[point]!;
    else if (spread > 0) this.moreSpread[group]! -= 0.05 * spreadStep * this.exposure[point]!;
    // or a bad moment of a group could keep it from being used, and so from being seen to be over
    for (const other of this.moreSpread.keys()) if (other !== group) this.moreSpread[other]! *= 1 - forgetting;
    this.latest.push(residual + this.machine);
    this.latest = this.latest.slice(-(this.change.since(Math.max(-bound, Math.min(bound, residual))) ?? window));
    this.machine = median(this.latest);
    if (this.latest.length === window) this.fastest = Math.min(this.fastest, this.machine); // fewer may be fast by chance
    const sign = Math.sign(residual);
    this.point[point]! += steps.point * (sign - pull * (this.point[point]! - this.calibrated[point]!));
    if (busy > 1) this.crowd[busy]! += steps.crowd * (sign - pull * this.crowd[busy]!); // alone is what calibration measured
    this.predictions.clear();
  }

  private spread(point: number): number {
    return Math.max(0, this.calibratedSpread[point]! + this.exposure[point]! * this.moreSpread[this.groupOf(point)]!);
  }

  private logMedian(point: number, busy: number): number {
    return this.point[point]! + this.crowd[busy]! + this.machine;
  }
}
