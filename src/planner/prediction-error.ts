import { median } from '../statistics.js';

/** How far predictions are off: the median of |predicted - actual| / actual over the latest requests. */
export class PredictionError {
  private readonly latest: number[] = [];
  private count = 0;

  /** @param window requests looked back at */
  constructor(private readonly window = 500) {}

  /** Both in milliseconds. */
  add(predicted: number, actual: number): void {
    this.latest[this.count++ % this.window] = Math.abs(predicted - actual) / Math.max(actual, 1e-3);
  }

  /** NaN before the first request. */
  get median(): number {
    return median(this.latest);
  }
}
