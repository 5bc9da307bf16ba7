import assert from 'node:assert/strict';
import { bursty, poisson, slicesOf } from '../../src/evaluation/load/traces.js';

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
          assert.ok(arrivals.at(-1)! / 1000 <= seconds && arrivals.at(-1)! / 1000 > 0.7 * seconds, text);
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

  it('can be cut into slices', () => {
    const times = [1, 4, 5, 9, 10, 17, 20.5];
    const slices = slicesOf(times, 20, 2, 0);
    assert.deepEqual(slices.map(({ arrivals }) => arrivals), [[1, 4, 5, 9], [0, 7, 10.5]]); // prettier-ignore
    assert.deepEqual(slices.map(({ leadIn }) => leadIn), [0, 0]); // prettier-ignore
    assert.deepEqual(slicesOf([3], 20, 3, 0).map(({ arrivals }) => arrivals), [[3], [], []]); // prettier-ignore
  });

  it('lead into a slice with what came before it, into the first with the end', () => {
    const [first, second] = slicesOf([1, 4, 5, 9, 10, 17, 20.5], 20, 2, 5);
    assert.deepEqual(first, { arrivals: [2, 6, 9, 10, 14], leadIn: 1 });
    assert.deepEqual(second, { arrivals: [0, 4, 5, 12, 15.5], leadIn: 2 });
  });

  it('are the same for the same seed, and others for another', () => {
    assert.deepEqual(bursty(rate, 500, 1), bursty(rate, 500, 1));
    assert.notDeepEqual(bursty(rate, 500, 1), bursty(rate, 500, 2));
  });
});
