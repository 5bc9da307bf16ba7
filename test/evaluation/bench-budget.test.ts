import assert from 'node:assert/strict';
import { budgetRow } from '../../src/evaluation/load/bench-budget.js';
import type { Sample } from '../../src/evaluation/load/plan.js';

describe('a row of matvit bench budget', () => {
  const points = ['S', 'M', 'L', 'XL'].map((at, i) => ({ at, p50: 10 * i + 5, p95: 10 * i + 10 }));
  const answered = (at: string, ms: number): Sample => ({
    ...{ picture: 0, ms, status: 200, lateMs: 0 },
    answer: { ids: [], at, predictedEncodeMs: 3, encodeMs: 2 },
  });
  const refused = { picture: 0, ms: 0.3, status: 0, lateMs: 0 };

  it('tells the most faithful point that would have fitted, and how often it was chosen', () => {
    const row = budgetRow(35, [answered('L', 20), answered('M', 15), answered('XL', 36), answered('S', 5)], points);
    assert.deepEqual(row, {
      ...{ budgetMs: 35, requests: 4, met: 0.75, p95: 36, encodeError: 0.5 },
      best: { at: 'L', chosen: 0.25, near: 0.75 },
    });
  });

  it('takes requests without an answer for late ones', () => {
    const { met, p95, best } = budgetRow(35, [answered('L', 20), refused], points);
    assert.deepEqual([met, p95, best], [0.5, null, { at: 'L', chosen: 0.5, near: 0.5 }]);
    assert.equal(budgetRow(35, [refused], points).encodeError, null);
    assert.equal(budgetRow(35, [refused], [{ at: 'S', p50: 0.3, p95: null }]).best, undefined);
  });

  it('says of no request that it got the best point where none fits', () => {
    assert.equal(budgetRow(5, [refused, answered('S', 8)], points).best, undefined);
  });
});
