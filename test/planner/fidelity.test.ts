import assert from 'node:assert/strict';
import { fidelityOf, meanFidelity, rankBiasedOverlap } from '../../src/planner/fidelity.js';
import { random } from '../../src/training/random.js';

/** The definition: (1 - p) Σ p^(d-1) A_d, to where p^d is nothing, with agreement A_d carried on beyond the ends. */
function byDefinition(a: readonly number[], b: readonly number[], p: number): number {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  const common = (d: number) => long.slice(0, d).filter(id => short.slice(0, d).includes(id)).length;
  const atShort = common(short.length) / short.length; // what the unseen part of the short one is taken to hold
  let sum = 0;
  let agreement = 0;
  for (let d = 1; d <= 2000; d++) {
    if (d <= long.length) agreement = (common(d) + atShort * Math.max(0, d - short.length)) / d;
    sum += (1 - p) * p ** (d - 1) * agreement;
  }
  return sum;
}

const close = (a: number, b: number, tolerance = 1e-12) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

describe('rankBiasedOverlap', () => {
  it('has the value that another implementation publishes', () => {
    // https://github.com/b4ny4n/rankmeasures, README
    close(rankBiasedOverlap([1, 2, 3, 4, 5], [2, 3, 4, 1, 5]), 0.828, 5e-4);
  });

  it('has the values of sums done by hand', () => {
    close(rankBiasedOverlap([1, 2], [2, 1], 0.5), 0.5); // A = 0, 1, 1, …: ½ (½ + ¼ + …)
    close(rankBiasedOverlap([1, 2], [1, 3], 0.5), 0.75); // A = 1, ½, ½, …: ½ (1 + ½ · (½ + ¼ + …))
    close(rankBiasedOverlap([1], [1, 2], 0.5), 1); // the short one is taken to go on as well as it began
    close(rankBiasedOverlap([2], [1, 2], 0.9), 0.1 * (0 + 0.9 * 0.5 + 0.81 * 0.5 * 10)); // A = 0, ½, ½, …
  });

  it('follows its definition for rankings of any two lengths, in either order', () => {
    const draw = random(1);
    for (let round = 0; round < 200; round++) {
      const ranking = () => {
        const ids = Array.from({ length: 15 }, (_, i) => i);
        for (let i = ids.length - 1; i > 0; i--) {
          const j = draw.below(i + 1);
          [ids[i], ids[j]] = [ids[j]!, ids[i]!];
        }
        return ids.slice(0, 1 + draw.below(10));
      };
      const [a, b, p] = [ranking(), ranking(), draw.between(0.1, 0.95)];
      close(rankBiasedOverlap(a, b, p), byDefinition(a, b, p), 1e-9);
      close(rankBiasedOverlap(a, b, p), rankBiasedOverlap(b, a, p));
    }
  });

  it('is 1 for the same, 0 for nothing in common', () => {
    assert.equal(rankBiasedOverlap([3, 1, 2], [3, 1, 2]), 1);
    close(rankBiasedOverlap([1, 2], [3, 4]), 0);
    assert.equal(rankBiasedOverlap([], [1]), 0);
    assert.equal(rankBiasedOverlap([], []), 1);
  });
});

describe('fidelityOf', () => {
  const reference = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

  it('looks at the first, at the first ten, and at their order', () => {
    const swapped = fidelityOf([2, 1, 3, 4, 5, 6, 7, 8, 9, 10], reference);
    assert.equal(swapped.top1Agreement, 0);
    assert.equal(swapped.recallAt10, 1);
    const lastGone = fidelityOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 10], reference);
    assert.equal(lastGone.top1Agreement, 1);
    assert.equal(lastGone.recallAt10, 0.9);
    assert.ok(swapped.rbo < lastGone.rbo && lastGone.rbo < 1);
  });

  it('counts what there is in an index of fewer than ten', () =>
    assert.equal(fidelityOf([3, 2], [2, 3]).recallAt10, 1));

  it('averages over queries', () => {
    const mean = meanFidelity([fidelityOf(reference, reference), fidelityOf([12], reference)]);
    for (const value of [mean.top1Agreement, mean.recallAt10, mean.rbo]) close(value, 0.5);
  });
});
