import assert from 'node:assert/strict';
import { poisson } from '../../src/evaluation/load/traces.js';
import { ArrivalRate } from '../../src/planner/arrival-rate.js';

const rateOf = (arrivals: readonly number[]) => {
  const rate = new ArrivalRate();
  for (const time of arrivals) rate.add(time);
  return rate;
};
/** came so long ago that it does not count */
const longAgo = -1e9;

describe('ArrivalRate', () => {
  it('is nothing before and for the first request', () => {
    assert.equal(new ArrivalRate().at(5, 25, longAgo), 0);
    const rate = rateOf([7]);
    for (const now of [7, 8, 1e6]) assert.ok(rate.at(now, 25, 7) < 1e-12);
  });

  it('is the mean rate where requests can wait for long, and no less where they cannot', () => {
    const arrivals = poisson(100, 4000, 3);
    const rate = new ArrivalRate();
    let [patient, urgent] = [0, 0];
    for (const time of arrivals) {
      rate.add(time);
      patient += rate.at(time, 1e4, time) / arrivals.length;
      urgent += rate.at(time, 25, time) / arrivals.length;
    }
    assert.ok(Math.abs(patient - 0.1) < 0.005, `${patient}`);
    assert.ok(urgent > patient && urgent < 0.2, `${urgent}`);
  });

  it('never rises with the horizon', () => {
    const rate = rateOf(poisson(50, 300, 4));
    const now = 5900;
    const rates = [1, 30, 31, 100, 250, 499, 500, 1e6].map(horizon => rate.at(now, horizon, longAgo));
    assert.deepEqual(
      rates,
      rates.toSorted((a, b) => b - a),
    );
  });

  it('sees a burst within a few requests, and remembers that there was one for some seconds', () => {
    const calm = Array.from({ length: 20 }, (_, i) => 100 * i);
    const rate = rateOf(calm);
    assert.ok(rate.at(1900, 25, 1900) < 0.015);
    for (let i = 1; i <= 4; i++) rate.add(1900 + 5 * i);
    assert.ok(rate.at(1920, 25, 1920) > 0.08);
    assert.ok(rate.at(1920, 1e4, 1920) < 0.02);
    const before = [...calm, 1905, 1910, 1915]; // the last request
    const peak = before.reduce((sum, time) => sum + Math.exp((time - 1920) / 250) / 250, 0);
    for (const now of [3500, 10_000])
      assert.ok(Math.abs(rate.at(now, 25, longAgo) - peak * Math.exp((1920 - now) / 30_000)) < 1e-12);
    assert.ok(rate.at(3500, 1e4, longAgo) < 0.01);
  });
});
