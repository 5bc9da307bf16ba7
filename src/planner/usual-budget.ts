/**
 * Whether requests with a budget come, and how much time nearly all of late have had: one in ten may have had less, so that a
 * few odd ones do not rule.
 */

/** Of so many requests, as many may have shorter budgets. */
const [sample, shorter] = [20, 2];
/** For so long after one others are expected, milliseconds. */
const memory = 1000;

export class UsualBudget {
  /** of requests that came since `value` was told from others */
  private latest: number[] = [];
  private told = Infinity;
  private last = -Infinity;

  /** milliseconds; Infinity until enough have come */
  get value(): number {
    return this.told;
  }

  /** Are there to be more with a budget, as far as can be told? */
  isExpected(now: number): boolean {
    return now - this.last < memory;
  }

  /** A request came. @param now by the clock, milliseconds @param ms its budget, which is in reach */
  add(now: number, ms: number): void {
    this.last = now;
    if (this.latest.push(ms) < sample) return;
    this.told = this.latest.sort((a, b) => a - b)[shorter]!;
    this.latest = [];
  }
}
