import assert from 'node:assert/strict';
import type { Decision } from '../../src/planner/decision.js';
import { type Demand, Planner } from '../../src/planner/planner.js';
import { random } from '../../src/training/random.js';
import { five, latencyOf, point } from './profiles.js';

describe('Planner', () => {
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
      const moment = { now, asked: now, busy: 1 + draw.below(1 + crowd), slots: 2, others: [], waited: false };
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
      const moment = { now, asked: now, busy: 1 + draw.below(2), slots: 2, others, waited: false };
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

  it('learns from points that are not on the frontier how fast the machine is', () => {
    const latency = latencyOf(five, 1);
    const planner = new Planner(five, latency, () => ({ point: 1, times: 2 }));
    const moment = { now: 0, asked: 0, busy: 1, slots: 1, others: [], waited: false };
    const demand: Demand = { arrivedAt: 0, at: 'off', onMiss: 'degrade' };
    for (let i = 0; i < 50; i++) {
      const decision = planner.decide(demand, moment)!;
      planner.learn(demand, decision, moment, 0, { decodeMs: 1, encodeMs: 24, serviceMs: 25, cores: 1 });
    }
    assert.ok(Math.abs(latency.slowdown - 3) < 0.1, `${latency.slowdown}`); // 8 ms as calibrated
    assert.ok(Math.abs(latency.predict(2, 1).encode.p50 - 27) < 1);
  });

  describe('under load, after misses', () => {
    const near = [8, 10, 12, 14, 16].map((ms, i) => point(`${i}`, 1, ms - 1, 0.6 + i / 10));
    const came = 1000;
    const asPredicted = ({ predicted: { decodeMs, encodeMs } }: Decision) => {
      return { decodeMs, encodeMs, serviceMs: decodeMs + encodeMs, cores: 1 };
    };

    /** @returns what the next request is given, after as many came every 10 ms and two were always served at once */
    function nextAfter(missesOf: (planner: Planner, demand: Demand) => void, budgetMs = 50): number {
      const planner = new Planner(near, latencyOf(near, 2));
      for (let now = 0; now <= came; now += 10) planner.arrived(now);
      const moment = { now: came, asked: came, busy: 2, slots: 2, others: [], waited: true };
      const demand: Demand = { arrivedAt: came, budgetMs: 50, onMiss: 'degrade' };
      const served = planner.decide(demand, moment)!;
      for (let i = 0; i < 20; i++) {
        planner.learn(demand, served, moment, came, asPredicted(served));
        missesOf(planner, { ...demand, budgetMs });
      }
      return planner.decide(demand, moment)!.fidelity!;
    }
    const late = (planner: Planner, demand: Demand) => {
      const moment = { now: came + 60, asked: came, busy: 2, slots: 2, others: [], waited: true };
      const decision = planner.decide(demand, moment)!;
      assert.equal(decision.why, 'degraded');
      planner.learn(demand, decision, moment, came + 70, asPredicted(decision));
    };
    const undisturbed = nextAfter(() => undefined);

    it('plans for less of the time', () => {
      assert.ok(nextAfter(late) < undisturbed, `${nextAfter(late)}, ${undisturbed}`);
      const refused = nextAfter((planner, demand) => planner.refused(demand, came, 2));
      assert.ok(refused < undisturbed, `${refused}, ${undisturbed}`);
    });

    it('learns nothing from those who could not have been in time', () => {
      assert.equal(nextAfter(late, 5), undisturbed);
      assert.equal(
        nextAfter((planner, demand) => planner.refused(demand, came, 2), 5),
        undisturbed,
      );
    });
  });
});
