/**
 * How fast requests come. Exponentially weighted means over windows that double, and the greatest of them counts: it rises
 * with the first requests of a burst and falls only when all windows have forgotten it. A rate that is taken to be too high
 * costs some fidelity; one taken to be too low costs deadlines until the backlog is gone.
 */

/** of the means, milliseconds */
const windows = [30, 60, 120, 250, 500] as const;
const longest = windows.length - 1;

/**
 * Bursts come back: the first requests of the next one meet an idle machine and would leave a backlog. So the greatest mean
 * over `window`, which Poisson streams seldom double, is remembered and fades over `fading`. Both in milliseconds.
 */
const memory = { window: 250, fading: 30_000 } as const;
const remembered = windows.indexOf(memory.window);

export class ArrivalRate {
  private readonly means = windows.map(() => 0);
  private peak = 0;
  private last = 0;

  /** A request came. @param now by the clock, milliseconds, never going back */
  add(now: number): void {
    this.peak = Math.max(this.peakAt(now), this.mean(remembered, now)); // of those before it
    windows.forEach((window, i) => (this.means[i] = this.mean(i, now) + 1 / window));
    this.last = now;
  }

  /**
   * @param horizon milliseconds for which a request can wait: what crowds within much less is no burst to it
   * @param own when a request came that is not to be counted: the rate is that of the others
   * @returns requests a millisecond
   */
  at(now: number, horizon: number, own: number): number {
    let rate = memory.window >= horizon ? this.peakAt(now) : 0;
    for (let i = longest; i >= 0 && (windows[i]! >= horizon || i === longest); i--)
      rate = Math.max(rate, this.mean(i, now) - Math.exp((own - now) / windows[i]!) / windows[i]!);
    return rate;
  }

  private peakAt(now: number): number {
    return this.peak * Math.exp((this.last - now) / memory.fading);
  }

  private mean(i: number, now: number): number {
    return this.means[i]! * Math.exp((this.last - now) / windows[i]!);
  }
}
