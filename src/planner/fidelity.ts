/**
 * How much of the full model's answer an operating point gives. No labels: the ranking that its query finds is compared
 * with the ranking that the full model's query of the same picture finds in the same index.
 */

/** Means over the queries of a calibration, each 0 … 1; the full model's are 1 by definition. */
export interface Fidelity {
  /** share of queries whose first hit is the full model's */
  readonly top1Agreement: number;
  /** share of the full model's ten first hits among the point's ten */
  readonly recallAt10: number;
  /**
   * Extrapolated rank-biased overlap, p = 0.9. This is THE fidelity: points are ranked by it and `minFidelity` means
   * it. One number has to see the order as well as the set, and the top more than the rest: the first hit carries 26%
   * of its weight and the first ten 86%, so it moves with both of the others, and in finer steps than either.
   */
  readonly rbo: number;
}

/** @param found ids, best first @param reference the full model's ids, best first; not empty */
export function fidelityOf(found: readonly number[], reference: readonly number[]): Fidelity {
  const ten = reference.slice(0, 10);
  const foundTen = new Set(found.slice(0, 10));
  return {
    top1Agreement: Number(found[0] === reference[0]),
    recallAt10: ten.filter(id => foundTen.has(id)).length / ten.length,
    rbo: rankBiasedOverlap(found, reference),
  };
}

/** Of at least one query. */
export function meanFidelity(all: readonly Fidelity[]): Fidelity {
  const mean = (value: (fidelity: Fidelity) => number) => all.reduce((sum, f) => sum + value(f), 0) / all.length;
  return { top1Agreement: mean(f => f.top1Agreement), recallAt10: mean(f => f.recallAt10), rbo: mean(f => f.rbo) };
}

/**
 * RBO_EXT: the expected overlap of two rankings for a reader who goes on to the next rank with probability p, if both
 * rankings go on agreeing beyond their ends as they did until then (Webber, Moffat & Zobel 2010, "A Similarity Measure
 * for Indefinite Rankings", equation 32, rankings of different lengths included).
 * @param a distinct ids, best first
 * @returns 0 … 1; 1 for two empty rankings, 0 if one is empty
 */
export function rankBiasedOverlap(a: readonly number[], b: readonly number[], p = 0.9): number {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (short.length === 0) return long.length === 0 ? 1 : 0;
  const inShort = new Set<number>();
  const inLong = new Set<number>();
  let overlap = 0; // X_d: ids common to the first d of both
  let overlapAtShort = 0; // X_s
  let missing = 0; // summed as what is missing from 1, so that equal rankings have exactly 1
  for (let d = 1; d <= long.length; d++) {
    const next = long[d - 1]!;
    inLong.add(next);
    if (inShort.has(next)) overlap++;
    if (d <= short.length) {
      const other = short[d - 1]!;
      inShort.add(other);
      if (inLong.has(other)) overlap++;
      overlapAtShort = overlap;
    }
    const unseen = d > short.length ? (overlapAtShort * (d - short.length)) / short.length : 0;
    missing += (1 - (overlap + unseen) / d) * p ** d;
  }
  const beyond = (overlap - overlapAtShort) / long.length + overlapAtShort / short.length;
  return Math.max(0, 1 - ((1 - p) / p) * missing - (1 - beyond) * p ** long.length);
}
