import assert from 'node:assert/strict';
import { type PointProfile, costOf, frontier, sumOf } from '../../src/planner/frontier.js';
import { random } from '../../src/training/random.js';
import { point } from './profiles.js';

const names = (points: readonly PointProfile[]) => points.map(({ at }) => at);

/** Many points, some of equal cost or fidelity, and the full model. */
function cloud(seed: number, size: number): PointProfile[] {
  const draw = random(seed);
  const points = Array.from({ length: size }, (_, i) =>
    point(`p${i}`, 1 + draw.below(3), 1 + draw.below(60), draw.below(1000) / 1000),
  );
  return [...points, point('full', 3, 50, 1)];
}

const shuffled = <T>(items: readonly T[], seed: number): T[] => {
  const draw = random(seed);
  return items
    .map(item => ({ item, key: draw.next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
};

describe('frontier', () => {
  it('keeps exactly what nothing beats, from the cheapest to the full model', () => {
    for (let seed = 0; seed < 30; seed++) {
      const all = cloud(seed, 80);
      const kept = frontier(all, 'full', Infinity);
      const beaten = (a: PointProfile, b: PointProfile) =>
        costOf(b) <= costOf(a) &&
        b.fidelity.rbo >= a.fidelity.rbo &&
        (costOf(b) < costOf(a) || b.fidelity.rbo > a.fidelity.rbo);
      for (const a of all)
        if (all.some(b => beaten(a, b))) assert.ok(!kept.includes(a), `${a.at} is beaten, seed ${seed}`);
        else
          assert.ok(
            kept.some(b => costOf(b) === costOf(a) && b.fidelity.rbo === a.fidelity.rbo),
            `${a.at}, seed ${seed}`,
          );
      assert.equal(kept.at(-1)!.at, 'full');
      for (let i = 1; i < kept.length; i++) {
        assert.ok(costOf(kept[i]!) > costOf(kept[i - 1]!));
        assert.ok(kept[i]!.fidelity.rbo > kept[i - 1]!.fidelity.rbo);
      }
    }
  });

  it('does not depend on the order of the profiles', () => {
    for (let seed = 0; seed < 10; seed++) {
      const all = cloud(seed, 60);
      assert.deepEqual(names(frontier(shuffled(all, seed), 'full', 8)), names(frontier(all, 'full', 8)));
    }
  });

  it('keeps the cheapest and the full model when it is thinned, and loses less than even picks of the same size', () => {
    // concave, dense at the upper end
    const all = Array.from({ length: 60 }, (_, i) =>
      point(`p${i}`, 0.1, 2 + 48 * (i / 60) ** 0.5, 1 - (1 - i / 60) ** 2),
    );
    all.push(point('full', 0.1, 50, 1));
    const whole = frontier(all, 'full', Infinity);
    const few = frontier(all, 'full', 12);
    assert.equal(few.length, 12);
    assert.deepEqual([few[0], few.at(-1)], [whole[0], whole.at(-1)]);
    const lost = (points: readonly PointProfile[]) => {
      let sum = 0; // over budgets spread evenly in their logarithm
      for (let ms = 2.2; ms < 60; ms *= 1.01) {
        const best = (of: readonly PointProfile[]) => of.findLast(p => costOf(p) <= ms)?.fidelity.rbo ?? 0;
        sum += best(whole) - best(points);
      }
      return sum;
    };
    const even = Array.from({ length: 12 }, (_, i) => whole[Math.round((i * (whole.length - 1)) / 11)]!);
    assert.ok(lost(few) < lost(even), `${lost(few)} is not below ${lost(even)}`);
  });

  it('keeps the full model even if a cheaper point agreed with it on every query', () => {
    const points = [point('a', 1, 2, 0.5), point('lucky', 1, 20, 1), point('dear', 1, 60, 1), point('full', 1, 50, 1)];
    assert.deepEqual(names(frontier(points, 'full', Infinity)), ['a', 'lucky', 'full']);
  });

  it('wants the full model', () => assert.throws(() => frontier([point('a', 1, 1, 0.5)], 'full', 2), RangeError));
});

describe('sumOf', () => {
  it('adds medians, and deviations as those of independent stages', () =>
    assert.deepEqual(sumOf({ p50: 2, p95: 5 }, { p50: 10, p95: 14 }), { p50: 12, p95: 17 }));
});
