/** How much time nearly all requests of late have had: one in ten may have had less, so that a few odd ones do not rule. */

/** Of so many requests, as many may have shorter budgets. */
const [sample, shorter] = [20, 2];

export class UsualBudget {
  /** of requests that came since `value` was told from others */
  private latest: number[] = [];
  private told = Infinity;

  /** milliseconds; Infinity until enough have come */
  get value(): number {
    return this.told;
  }

  /** A request came. @param ms its budget, which is in reach */
  add(ms: number): void {
    if (this.latest.push(ms) < sample) return;
    this.told = this.latest.sort((a, b) => a - b)[shorter]!;
    this.latest = [];
  }
}
