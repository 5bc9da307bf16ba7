import assert from 'node:assert/strict';
import { Cusum } from '../../src/planner/cusum.js';
import { random } from '../../src/training/random.js';

/** What it said of each residual. */
const said = (residuals: readonly number[]): (number | undefined)[] => {
  const cusum = new Cusum();
  return residuals.map(residual => cusum.since(residual));
};
const fill = (count: number, value: number) => new Array<number>(count).fill(value);

describe('Cusum', () => {
  it('tells of a change by four large residuals, on either side, and how many it consists of', () => {
    for (const sign of [1, -1])
      assert.deepEqual(said([0, 0.1, ...fill(5, sign * 0.5)]), [...fill(5, 0).map(() => undefined), 4, undefined]);
  });

  it('sees a small one after more of them', () => {
    const first = said(fill(50, 0.3)).findIndex(count => count !== undefined);
    assert.ok(first >= 8 && first <= 10, `${first}`);
  });

  it('takes noise for none, and seldom the quarter of the requests that take longer', () => {
    const draw = random(1);
    const noise = Array.from({ length: 20_000 }, () => 0.15 * draw.normal());
    assert.ok(said(noise).every(count => count === undefined));
    const interrupted = noise.map(() => (draw.next() < 0.25 ? 0.4 : -0.1));
    const alarms = said(interrupted).filter(count => count !== undefined).length;
    assert.ok(alarms < 40, `${alarms} in ${noise.length}`);
  });
});
