import assert from 'node:assert/strict';
import { median, quantile } from '../src/statistics.js';

const hundred = Array.from({ length: 100 }, (_, i) => 100 - i); // 100 … 1

describe('statistics', () => {
  it('take the middle, whatever the order', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([10, 9, 1, 2, 3]), 3); // as numbers, not as text
    assert.equal(median([7]), 7);
    assert.equal(median(hundred), 50);
  });

  it('take the nearest rank', () => {
    assert.deepEqual(
      [0, 0.01, 0.5, 0.95, 0.999, 1].map(q => quantile(hundred, q)),
      [1, 1, 50, 95, 100, 100],
    );
  });

  it('have nothing to say of nothing, and change nothing', () => {
    assert.ok(Number.isNaN(median([])) && Number.isNaN(quantile([], 1)));
    const values = [2, 1];
    median(values);
    assert.deepEqual(values, [2, 1]);
  });
});
