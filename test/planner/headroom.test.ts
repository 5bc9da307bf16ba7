import assert from 'node:assert/strict';
import { Headroom } from '../../src/planner/headroom.js';
import { random } from '../../src/training/random.js';

const record = (headroom: Headroom, missed: boolean, company: boolean) => {
  headroom.record(missed);
  headroom.served(company);
};

describe('Headroom', () => {
  for (const { company, target } of [
    { company: false, target: 0.01 },
    { company: true, target: 0.0005 },
  ])
    describe(company ? 'of a busy machine' : 'of a machine that serves one at a time', () => {
      /** in its state, with nothing left of what it began with */
      const headroomOf = () => {
        const headroom = new Headroom();
        for (let i = 0; i < 8100; i++) record(headroom, false, company);
        return headroom;
      };

      it('is 1 while nothing misses, and grows by a tenth with a miss', () => {
        const headroom = headroomOf();
        assert.equal(headroom.factor, 1);
        record(headroom, true, company);
        assert.ok(Math.abs(headroom.factor - Math.exp(0.1 * (1 - target))) < 1e-12);
      });

      it('is 2 at most, and gone again after as many successes as its target allows for', () => {
        const headroom = headroomOf();
        for (let i = 0; i < 50; i++) record(headroom, true, company);
        assert.ok(Math.abs(headroom.factor - 2) < 1e-12);
        for (let i = 0; i < 7 / target; i++) record(headroom, false, company);
        assert.equal(headroom.factor, 1);
      });

      it('finds the room at which its target misses', () => {
        const draw = random(5);
        const headroom = headroomOf();
        const [requests, learning] = [100 / target, 10 / target];
        let missed = 0;
        // what is predicted as the p95 is only one sigma above the median, and requests fit it tightly
        for (let i = 0; i < requests; i++) {
          const miss = Math.exp(0.15 * draw.normal()) > Math.exp(0.15) * headroom.factor;
          record(headroom, miss, company);
          if (i >= learning) missed += Number(miss);
        }
        const share = missed / (requests - learning);
        assert.ok(Math.abs(share / target - 1) < 0.3, `${share}`);
      });
    });

  it('keeps apart what the two states have learned, and begins with caution in the busy one', () => {
    const headroom = new Headroom();
    assert.equal(headroom.factor, 1);
    for (let i = 0; i < 50; i++) record(headroom, true, false);
    for (let i = 0; i < 10; i++) headroom.served(true); // whether or not they were predicted to fit
    assert.ok(headroom.factor > 1.48 && headroom.factor < 1.5, `${headroom.factor}`);
    for (let i = 0; i < 40; i++) record(headroom, false, false);
    assert.ok(headroom.factor > 1.8, `${headroom.factor}`);
  });
});
