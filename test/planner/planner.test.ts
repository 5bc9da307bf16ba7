import assert from 'node:assert/strict';
import type { Decision } from '../../src/planner/decision.js';
import type { LatencyModel } from '../../src/planner/latency.js';
import { type Demand, type Likeness, type Moment, Planner } from '../../src/planner/planner.js';
import { random } from '../../src/training/random.js';
import { five, latencyOf, point } from './profiles.js';

describe('Planner', () => {
  const asPredicted = ({ predicted: { decodeMs, encodeMs } }: Decision) => {
    return { decodeMs, encodeMs, serviceMs: decodeMs + encodeMs, cores: 1 };
  };
  /** On two slots, with nobody else about, unless said otherwise. */
  const momentAt = (now: number, what: Partial<Moment>): Moment => ({
    ...{ now, asked: now, busy: 1, slots: 2, others: [], waited: false, inReach: true },
    ...what,
  });

  /** On two slots, after requests that came at random, some of which took three times as long as predicted. */
  function busyPlanner(seed: number): { planner: Planner; now: number } {
    const draw = random(seed);
    const planner = new Planner(five, latencyOf(five, 2));
    const gap = 5 + 40 * draw.next();
    const crowd = draw.below(2); // every other one is alone
    let now = 0;
    for (let i = 0; i < 60; i++) {
      now += -Math.log(1 - draw.next()) * gap;
      planner.arrived(now);
      const demand: Demand = { arrivedAt: now, budgetMs: 50, onMiss: 'degrade' };
      const moment = momentAt(now, { busy: 1 + draw.below(1 + crowd) });
      const decision = planner.decide(demand, moment)!;
      const slow = draw.next() < 0.1 ? 3 : 1;
      const [decodeMs, encodeMs] = [slow * decision.predicted.decodeMs, slow * decision.predicted.encodeMs];
      const serviceMs = decodeMs + encodeMs;
      planner.learn(demand, decision, moment, now + serviceMs, { decodeMs, encodeMs, serviceMs, cores: 1 });
    }
    return { planner, now };
  }

  it('never gives a less faithful point for more of a budget, whatever has come before', () => {
    let busy = 0;
    const used = new Set<string>();
    for (let seed = 1; seed <= 200; seed++) {
      const { planner, now } = busyPlanner(seed);
      busy += Number(planner.headroom.busy);
      const draw = random(seed, 1);
      const others = Array.from({ length: draw.below(4) }, () => 60 * draw.next()).sort((a, b) => a - b);
      const moment = momentAt(now, { busy: 1 + draw.below(2), others });
      let last = 0;
      for (let budgetMs = 1; budgetMs <= 1000; budgetMs *= 1.1) {
        const { at, fidelity } = planner.decide({ arrivedAt: now, budgetMs, onMiss: 'degrade' }, moment)!;
        assert.ok(fidelity! >= last, `seed ${seed}: ${fidelity} for ${budgetMs} ms, ${last} for less`);
        last = fidelity!;
        used.add(at);
      }
    }
    assert.ok(busy > 50 && busy < 200 && used.size === 5, `${busy} of 200 were busy, ${used.size} points used`);
  });

  it('is less careful of itself than of those behind it, where requests overlap', () => {
    const states = new Set<boolean>();
    for (let seed = 1; seed <= 20; seed++) {
      const { planner, now } = busyPlanner(seed);
      const { factor, busy } = planner.headroom;
      states.add(busy && factor > 1);
      const budgetWith = (others: number[]) =>
        planner.decide({ arrivedAt: now, budgetMs: 50, onMiss: 'degrade' }, momentAt(now, { others }))!.budget!;
      const { slackMs, allowedMs } = budgetWith([]);
      assert.ok(Math.abs(allowedMs - slackMs / factor ** (busy ? 0.75 : 1)) < 1e-9, `seed ${seed}: ${allowedMs}`);
      // on two slots one that has 15 ms can wait for one of 10
      assert.ok(Math.abs(budgetWith([15]).allowedMs - 10 / factor) < 1e-9, `seed ${seed}`);
    }
    assert.equal(states.size, 2);
  });

  /** On one slot, after fifty requests at a point that is not on the frontier, each of which was encoded in as many milliseconds. */
  function latencyAfter(likeness: Likeness, encodeMs: number): LatencyModel {
    const latency = latencyOf(five, 1);
    const planner = new Planner(five, latency, () => likeness);
    const moment = momentAt(0, { slots: 1 });
    const demand: Demand = { arrivedAt: 0, at: 'off', onMiss: 'degrade' };
    for (let i = 0; i < 50; i++) {
      const decision = planner.decide(demand, moment)!;
      planner.learn(demand, decision, moment, 0, { decodeMs: 1, encodeMs, serviceMs: 1 + encodeMs, cores: 1 });
    }
    return latency;
  }

  it('does not plan less for others because of a picture whose bytes do not say how long it takes', () => {
    for (const whole of [false, true]) {
      const planner = new Planner(five, latencyOf(five, 2));
      for (let i = 0; i < 50; i++) planner.headroom.served(true);
      const before = planner.headroom.factor;
      const demand: Demand = { arrivedAt: 0, budgetMs: 50, onMiss: 'degrade', whole };
      const moment = momentAt(0, { busy: 2, waited: true });
      const decision = planner.decide(demand, moment)!;
      const { encodeMs } = asPredicted(decision);
      planner.learn(demand, decision, moment, 200 + encodeMs, {
        decodeMs: 200,
        encodeMs,
        serviceMs: 200 + encodeMs,
        cores: 1,
      });
      assert.equal(planner.headroom.factor > before, !whole, `whole ${whole}`);
    }
  });

  it('learns from points that are not on the frontier how fast the machine is', () => {
    const latency = latencyAfter({ point: 1, times: 2, isClose: true }, 24);
    assert.ok(Math.abs(latency.slowdown - 3) < 0.1, `${latency.slowdown}`); // 8 ms as calibrated
    assert.ok(Math.abs(latency.predict(2, 1).encode.p50 - 27) < 1);
  });

  describe('under load, after misses', () => {
    const near = [8, 10, 12, 14, 16].map((ms, i) => point(`${i}`, 1, ms - 1, 0.6 + i / 10));
    const came = 1000;

    /** @returns what the next request is given, after as many came every 10 ms and two were always served at once */
    function nextAfter(missesOf: (planner: Planner, demand: Demand) => void): number {
      const planner = new Planner(near, latencyOf(near, 2));
      for (let now = 0; now <= came; now += 10) planner.arrived(now);
      const moment = momentAt(came, { busy: 2, waited: true });
      const demand: Demand = { arrivedAt: came, budgetMs: 50, onMiss: 'degrade' };
      const served = planner.decide(demand, moment)!;
      for (let i = 0; i < 20; i++) {
        planner.learn(demand, served, moment, came, asPredicted(served));
        missesOf(planner, demand);
      }
      return planner.decide(demand, moment)!.fidelity!;
    }
    const late = (planner: Planner, demand: Demand) => {
      const inReach = planner.inReach(demand, came, 2);
      const moment = momentAt(came + 60, { asked: came, busy: 2, waited: true, inReach });
      const decision = planner.decide(demand, moment);
      if (decision) planner.learn(demand, decision, moment, came + 70, asPredicted(decision));
      else if (inReach) planner.missed(demand);
    };
    const undisturbed = nextAfter(() => undefined);

    const after = (wish: Partial<Demand>) => nextAfter((planner, demand) => late(planner, { ...demand, ...wish }));

    it('plans for less of the time', () => {
      assert.ok(after({}) < undisturbed, `${after({})}, ${undisturbed}`);
      const refused = after({ onMiss: 'reject' });
      assert.ok(refused < undisturbed, `${refused}, ${undisturbed}`);
    });

    it('learns nothing from those who could not have been in time, or had no choice of points', () => {
      for (const wish of [
        { budgetMs: 5 },
        { at: '4' },
        { several: true },
        { minFidelity: 1, onMiss: 'best' as const },
        { minFidelity: 1, onMiss: 'reject' as const },
      ])
        assert.equal(after(wish), undisturbed, JSON.stringify(wish));
    });
  });

  it('gives one who has long no more than those to come can wait for', () => {
    const given = (budgetMs: number) => {
      const planner = new Planner(five, latencyOf(five, 2));
      const moment = momentAt(1000, { busy: 2 });
      for (let now = 0; now <= 1000; now += 10) planner.arrived(now, now % 200 === 0 ? 2 : budgetMs);
      const demand: Demand = { arrivedAt: 1000, budgetMs: 60_000, onMiss: 'degrade' };
      const decision = planner.decide(demand, moment)!;
      for (let i = 0; i < 20; i++) planner.learn(demand, decision, moment, 1000, asPredicted(decision));
      return planner.decide(demand, moment)!.at;
    };
    assert.deepEqual([given(60_000), given(50)], ['full', 'd']);
  });

  it('does not learn from what is quite unlike any point how fast the machine is', () => {
    assert.equal(latencyAfter({ point: 0, times: 0.05, isClose: false }, 1).slowdown, 1);
  });
});
