import assert from 'node:assert/strict';
import { type Choice, type PricedPoint, type Wish, allowance, choose, firstWith } from '../../src/planner/policy.js';
import { random } from '../../src/training/random.js';

const five: PricedPoint[] = [2, 5, 10, 20, 40].map((p95, i) => ({ p95, fidelity: [0.6, 0.75, 0.87, 0.95, 1][i]! }));
const degrade: Wish = { onMiss: 'degrade' };

/** Points in ascending fidelity whose p95 need not ascend: predictions cross. */
function points(seed: number): PricedPoint[] {
  const draw = random(seed);
  const size = 1 + draw.below(24);
  const fidelities = Array.from({ length: size }, () => draw.between(0.3, 1)).sort((a, b) => a - b);
  return fidelities.map((fidelity, i) => ({ fidelity, p95: (2 + 2 * i) * draw.between(0.6, 1.4) }));
}

const worth = (of: readonly PricedPoint[], choice: Choice | undefined) => (choice ? of[choice.point]!.fidelity : -1);

describe('choose', () => {
  it('takes the most faithful that fits, up to the edge', () => {
    for (const [slack, expected] of [
      [2, 0],
      [4.99, 0],
      [5, 1],
      [19.9, 2],
      [20, 3],
      [1e9, 4],
    ] as const)
      assert.deepEqual(choose(five, slack, degrade), { point: expected, why: 'fits' });
    assert.deepEqual(choose(five, Infinity, degrade), { point: 4, why: 'fits' });
  });

  it('degrades, rejects or gives the best when nothing fits', () => {
    for (const slack of [1.99, 0, -100, -Infinity]) {
      assert.deepEqual(choose(five, slack, degrade), { point: 0, why: 'degraded' });
      assert.equal(choose(five, slack, { onMiss: 'reject' }), undefined);
      assert.deepEqual(choose(five, slack, { onMiss: 'best' }), { point: 4, why: 'best' });
    }
  });

  it('takes a fidelity below the one asked for as a miss', () => {
    const minFidelity = 0.8;
    assert.deepEqual(choose(five, 12, { minFidelity, onMiss: 'degrade' }), { point: 2, why: 'fits' });
    assert.deepEqual(choose(five, 9, { minFidelity, onMiss: 'degrade' }), { point: 1, why: 'degraded' });
    assert.equal(choose(five, 9, { minFidelity, onMiss: 'reject' }), undefined);
    assert.deepEqual(choose(five, 9, { minFidelity, onMiss: 'best' }), { point: 2, why: 'best' });
  });

  it('heeds what is allowed, but never misses for it', () => {
    assert.deepEqual(choose(five, 40, degrade, 12), { point: 2, why: 'fits' });
    assert.deepEqual(choose(five, 40, degrade, 1), { point: 0, why: 'fits' });
    assert.deepEqual(choose(five, 40, { minFidelity: 0.8, onMiss: 'reject' }, 1), { point: 2, why: 'fits' });
  });

  it('never gives less for more slack', () => {
    for (let seed = 0; seed < 300; seed++) {
      const of = points(seed);
      const draw = random(seed, 1);
      for (const onMiss of ['degrade', 'reject'] as const) {
        const wish = { onMiss, ...(seed % 2 === 1 && { minFidelity: draw.between(0, 1) }) };
        const allowed = seed % 3 === 0 ? draw.between(0, 60) : Infinity;
        let last = -Infinity;
        for (let slack = -1; slack < 80; slack += 0.5) {
          const now = worth(of, choose(of, slack, wish, Math.min(slack, allowed)));
          assert.ok(now >= last, `seed ${seed}, ${onMiss}: ${now} at ${slack} ms after ${last}`);
          last = now;
        }
      }
    }
  });

  it('never takes a point that another beats, and always one that fits if there is one', () => {
    for (let seed = 0; seed < 300; seed++) {
      const of = points(seed);
      const draw = random(seed, 2);
      for (let i = 0; i < 30; i++) {
        const [slack, minFidelity] = [draw.between(0, 60), draw.between(0, 1)];
        const choice = choose(of, slack, { minFidelity, onMiss: 'reject' });
        const able = of.filter(p => p.p95 <= slack && p.fidelity >= minFidelity);
        const least =
          of[
            firstWith(
              of.map(p => p.fidelity),
              minFidelity,
            )
          ]!.fidelity;
        if (least < minFidelity) continue; // asked for more than there is: the last one is meant
        assert.equal(choice !== undefined, able.length > 0, `seed ${seed}`);
        if (!choice) continue;
        const { p95, fidelity } = of[choice.point]!;
        assert.ok(!of.some(p => p.p95 <= p95 && p.fidelity > fidelity), `seed ${seed}: beaten`);
      }
    }
  });

  it('misses under pressure only what it misses without', () => {
    for (let seed = 0; seed < 200; seed++) {
      const of = points(seed);
      const draw = random(seed, 3);
      const [slack, allowed, minFidelity] = [draw.between(0, 60), draw.between(-5, 60), draw.between(0, 1)];
      const wish: Wish = { minFidelity, onMiss: 'degrade' };
      assert.equal(choose(of, slack, wish, allowed)!.why, choose(of, slack, wish)!.why);
    }
  });
});

describe('allowance', () => {
  it('is all of the slack when nobody waits', () => assert.equal(allowance(40, [], 2), 40));

  it('is what lets everybody use as much and be in time, exactly with one slot', () => {
    const draw = random(4);
    for (let round = 0; round < 200; round++) {
      const slacks = Array.from({ length: 1 + draw.below(10) }, () => draw.between(5, 100)).sort((a, b) => a - b);
      const inTime = (ms: number) => slacks.every((slack, i) => (i + 1) * ms <= slack + 1e-9);
      const ms = allowance(slacks[0]!, slacks.slice(1), 1);
      assert.ok(inTime(ms));
      assert.ok(!inTime(ms * 1.001));
    }
  });

  it('grows with the slots and the slacks', () => {
    assert.equal(allowance(40, [40, 40], 1), 40 / 3);
    assert.equal(allowance(40, [40, 40], 2), 20);
    assert.equal(allowance(40, [60, 80], 2), 40);
  });
});
