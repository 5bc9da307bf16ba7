import assert from 'node:assert/strict';
import {
  type Choice,
  type Limits,
  type PricedPoint,
  type Wish,
  allowance,
  backlog,
  choose,
  ordered,
  pace,
} from '../../src/planner/policy.js';
import { random } from '../../src/training/random.js';

const five: PricedPoint[] = [2, 5, 10, 20, 40].map((p95, i) => ({
  p95,
  work: p95,
  fidelity: [0.6, 0.75, 0.87, 0.95, 1][i]!,
}));
/** Limits that leave everything open but what is said. */
const only = (limits: Partial<Limits>): Limits => ({ p95: Infinity, work: Infinity, spare: 0, ...limits });
const degrade: Wish = { onMiss: 'degrade' };

/** A frontier whose predictions crossed. */
function points(seed: number): PricedPoint[] {
  const draw = random(seed);
  const size = 1 + draw.below(24);
  const fidelities = Array.from({ length: size }, () => draw.between(0.3, 1)).sort((a, b) => a - b);
  const cost = (i: number) => (2 + 2 * i) * draw.between(0.6, 1.4);
  return ordered(fidelities.map((fidelity, i) => ({ fidelity, p95: cost(i), work: cost(i) })));
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
    for (const some of [
      { p95: 12 },
      { work: 12 },
      { p95: 25, work: 12 },
      { p95: 12, work: 25 },
      { work: 1, spare: 12 },
    ]) {
      const limits = only(some);
      assert.deepEqual(choose(five, 40, degrade, limits), { point: 2, why: 'fits' });
      assert.deepEqual(choose(five, 6, degrade, limits), { point: 1, why: 'fits' });
      assert.deepEqual(choose(five, 1, degrade, limits), { point: 0, why: 'degraded' });
    }
    for (const limits of [only({ p95: 1 }), only({ work: 1 })]) {
      assert.deepEqual(choose(five, 40, degrade, limits), { point: 0, why: 'fits' });
      assert.deepEqual(choose(five, 40, { minFidelity: 0.8, onMiss: 'reject' }, limits), { point: 2, why: 'fits' });
    }
  });

  it('takes the more faithful of those that cost the same', () => {
    const alike = ordered([
      { fidelity: 0.5, p95: 4, work: 4 },
      { fidelity: 0.6, p95: 3, work: 3 },
      { fidelity: 0.7, p95: 9, work: 8 },
    ]);
    assert.equal(choose(alike, 1, degrade)!.point, 1);
    assert.equal(choose(alike, 5, degrade, only({ work: 0 }))!.point, 1);
    assert.equal(choose(alike, 1, { minFidelity: 0.4, onMiss: 'best' })!.point, 1);
  });

  const wishes = function* (seed: number) {
    const draw = random(seed, 1);
    for (const onMiss of ['degrade', 'reject'] as const)
      yield {
        wish: { onMiss, ...(seed % 2 === 1 && { minFidelity: draw.between(0, 1) }) },
        limits: {
          p95: seed % 3 === 0 ? draw.between(0, 60) : Infinity,
          ...{ work: draw.between(0, 60), spare: draw.between(-10, 60) },
        },
      };
  };

  it('never gives less for more slack', () => {
    for (let seed = 0; seed < 300; seed++) {
      const of = points(seed);
      for (const { wish, limits } of wishes(seed)) {
        let last = -Infinity;
        for (let slack = -1; slack < 80; slack += 0.5) {
          const now = worth(of, choose(of, slack, wish, limits));
          assert.ok(now >= last, `seed ${seed}, ${wish.onMiss}: ${now} at ${slack} ms after ${last}`);
          last = now;
        }
      }
    }
  });

  it('never gives less for a slower pace of arrivals', () => {
    for (let seed = 0; seed < 300; seed++) {
      const of = points(seed);
      for (const { wish, limits } of wishes(seed)) {
        const slack = random(seed, 4).between(0, 60);
        let last = -Infinity;
        for (let work = 0; work < 60; work += 0.5) {
          const now = worth(of, choose(of, slack, wish, { ...limits, work }));
          assert.ok(now >= last, `seed ${seed}, ${wish.onMiss}: ${now} at ${work} ms after ${last}`);
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
        const [slack, minFidelity, work] = [draw.between(0, 60), draw.between(0, 1), draw.between(0, 60)];
        if (of.at(-1)!.fidelity < minFidelity) continue; // asked for more than there is: the last one is meant
        const choice = choose(of, slack, { minFidelity, onMiss: 'reject' }, only({ work }));
        const able = of.filter(p => p.p95 <= slack && p.fidelity >= minFidelity);
        assert.equal(choice !== undefined, able.length > 0, `seed ${seed}`);
        if (!choice) continue;
        const chosen = of[choice.point]!;
        const beats = (p: PricedPoint) => p.p95 <= chosen.p95 && p.work <= chosen.work && p.fidelity > chosen.fidelity;
        assert.ok(!of.some(beats), `seed ${seed}: beaten`);
      }
    }
  });

  it('misses under pressure only what it misses without', () => {
    for (let seed = 0; seed < 200; seed++) {
      const of = points(seed);
      const draw = random(seed, 3);
      const slack = draw.between(0, 60);
      const limits = { p95: draw.between(-5, 60), work: draw.between(0, 60), spare: draw.between(-10, 60) };
      const wish: Wish = { minFidelity: draw.between(0, 1), onMiss: 'degrade' };
      assert.equal(choose(of, slack, wish, limits)!.why, choose(of, slack, wish)!.why);
    }
  });
});

describe('ordered', () => {
  it('keeps the order of the frontier by the lower prediction, and what is in order as it is', () => {
    const of = [3, 5, 4, 9, 7].map((ms, i) => ({ fidelity: i / 10, p95: ms, work: 10 - ms }));
    assert.deepEqual(ordered(of).map(({ p95 }) => p95), [3, 4, 4, 7, 7]); // prettier-ignore
    assert.deepEqual(ordered(of).map(({ work }) => work), [1, 1, 1, 1, 3]); // prettier-ignore
    assert.deepEqual(ordered(five), five);
    for (let seed = 0; seed < 50; seed++) assert.deepEqual(ordered(points(seed)), points(seed));
  });
});

describe('pace', () => {
  it('leaves slots free in part: half as much for twice the rate or half the slots', () => {
    assert.equal(pace(0, 2, 0.7), Infinity);
    assert.equal(pace(0.1, 2, 1), 20);
    assert.equal(pace(0.1, 2, 0.5), 10);
    assert.equal(pace(0.1, 2, 0.7), 2 * pace(0.2, 2, 0.7));
    assert.equal(pace(0.1, 2, 0.7), 2 * pace(0.1, 1, 0.7));
  });
});

describe('backlog', () => {
  it('grows with the rate and the work, and has no end at full load', () => {
    assert.equal(backlog(0, 10, 2), 0);
    assert.equal(backlog(0.2, 10, 2), Infinity);
    const rates = [0.001, 0.01, 0.05, 0.1, 0.15, 0.19, 0.199].map(rate => backlog(rate, 10, 2));
    assert.deepEqual(
      rates,
      rates.toSorted((a, b) => a - b),
    );
    assert.ok(Math.abs(backlog(0.1, 10, 2) - backlog(0.1, 5, 1)) < 1e-6);
    assert.ok(Math.abs(backlog(0.05, 20, 2) - 2 * backlog(0.1, 10, 2)) < 1e-6);
  });

  it('is exceeded by a Poisson stream as rarely as it should be', () => {
    // rarity 12: a sixth of it is exceeded with a probability of e^-2 at most, a third with e^-4
    const [rate, work] = [0.07, 10];
    const most = backlog(rate, work, 1);
    const draw = random(1);
    const beyond = { 2: 0, 4: 0 };
    const runs = 4000;
    for (let run = 0; run < runs; run++) {
      let [heap, peak] = [0, 0];
      for (let i = 0; i < 300; i++) {
        heap += Math.log(1 - draw.next()) / rate + work;
        peak = Math.max(peak, heap);
      }
      for (const part of [2, 4] as const) if (peak > (part / 12) * most) beyond[part]++;
    }
    for (const part of [2, 4] as const) {
      const share = beyond[part] / runs;
      assert.ok(share < Math.exp(-part) && share > Math.exp(-part) / 4, `${part}: ${share}`);
    }
  });
});

describe('allowance', () => {
  it('has no limit when nobody waits', () => assert.equal(allowance([], 2), Infinity));

  it('is what lets everybody use as much and be in time, exactly with one slot', () => {
    const draw = random(4);
    for (let round = 0; round < 200; round++) {
      const slacks = Array.from({ length: 1 + draw.below(10) }, () => draw.between(5, 100)).sort((a, b) => a - b);
      const inTime = (ms: number) => slacks.every((slack, i) => (i + 1) * ms <= slack + 1e-9);
      const ms = Math.min(slacks[0]!, allowance(slacks.slice(1), 1));
      assert.ok(inTime(ms));
      assert.ok(!inTime(ms * 1.001));
    }
  });

  it('grows with the slots and the slacks', () => {
    assert.equal(allowance([40, 40], 1), 40 / 3);
    assert.equal(allowance([40, 40], 2), 20);
    assert.equal(allowance([60, 80], 2), 40);
  });
});
