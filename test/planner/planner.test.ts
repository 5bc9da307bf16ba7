import assert from 'node:assert/strict';
import { type Demand, Planner } from '../../src/planner/planner.js';
import { random } from '../../src/training/random.js';
import { five, latencyOf } from './profiles.js';

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
});
