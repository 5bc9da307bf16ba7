import assert from 'node:assert/strict';
import { bursty, parts, poisson } from '../../src/evaluation/load/traces.js';

const rate = 50;

/** The most requests within a second, as a multiple of the mean. */
function peak(arrivals: readonly number[]): number {
  const within = (start: number) => arrivals.filter(time => time >= start && time < start + 1000).length;
  return Math.max(...arrivals.map(within)) / rate;
}

describe('traces of requests', () => {
  it('have the mean that they are asked for, in bursts too, however short', () => {
    for (const seconds of [12, 40])
      for (let seed = 1; seed <= 20; seed++)
        for (const trace of [poisson, bursty]) {
          const arrivals = trace(rate, rate * seconds, seed);
          const text = `${trace.name}, seed ${seed}, ${seconds} s: ${arrivals.length}`;
          // five standard deviations of a Poisson count
          assert.ok(Math.abs(arrivals.length - rate * seconds) < 5 * Math.sqrt(rate * seconds), text);
          assert.ok(Math.abs(arrivals.at(-1)! / 1000 - seconds) < 0.3 * seconds, text);
          assert.deepEqual(
            arrivals,
            arrivals.toSorted((a, b) => a - b),
          );
        }
  });

  it('come in bursts of up to five times the mean, or without', () => {
    for (let seed = 1; seed <= 10; seed++) {
      assert.ok(peak(poisson(rate, 2000, seed)) < 1.8);
      const bursts = peak(bursty(rate, 2000, seed));
      assert.ok(bursts > 2.5 && bursts < 6, `${bursts}`);
    }
  });

  it('can be cut into parts', () => {
    assert.deepEqual(parts([1, 4, 5, 9, 10, 17, 20.5], 20, 2), [[1, 4, 5, 9], [0, 7, 10.5]]); // prettier-ignore
    assert.deepEqual(parts([3], 20, 3), [[3], [], []]);
  });

  it('are the same for the same seed, and others for another', () => {
    assert.deepEqual(bursty(rate, 500, 1), bursty(rate, 500, 1));
    assert.notDeepEqual(bursty(rate, 500, 1), bursty(rate, 500, 2));
  });
});
