/**
 * Tells when residuals have changed: cumulative sums of what is beyond a reference value on either side (Page 1954,
 * "Continuous Inspection Schemes"). Four residuals of ½ in a row are a change; ones below the reference value never are.
 * Of normal noise one in 100,000 is taken for one where the standard deviation is 0.2, and one in 900 where it is 0.3.
 */

/** of a residual that is not counted, in logarithms */
const reference = 0.2;
/** of the sum, from which on it is a change */
const threshold = 1;

interface Side {
  sum: number;
  /** residuals since the sum was last 0 */
  count: number;
}

export class Cusum {
  private readonly sides: readonly [up: Side, down: Side] = [nothing(), nothing()];

  /** After another residual. @returns of how many residuals, this one included, the change consists; undefined if there is none */
  since(residual: number): number | undefined {
    for (const [i, side] of this.sides.entries()) {
      const sum = side.sum + (i === 0 ? residual : -residual) - reference;
      Object.assign(side, sum > 0 ? { sum, count: side.count + 1 } : nothing());
    }
    const changed = this.sides.find(({ sum }) => sum >= threshold);
    if (!changed) return undefined;
    const { count } = changed;
    for (const side of this.sides) Object.assign(side, nothing());
    return count;
  }
}

const nothing = (): Side => ({ sum: 0, count: 0 });
