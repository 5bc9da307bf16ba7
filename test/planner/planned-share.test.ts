import assert from 'node:assert/strict';
import { PlannedShare } from '../../src/planner/planned-share.js';

const recorded = (share: PlannedShare, missed: boolean, times: number) => {
  for (let i = 0; i < times; i++) share.record(missed);
  return share.value;
};

describe('PlannedShare', () => {
  it('begins with caution, is less by a twentieth after a miss, and what it was once that is forgotten', () => {
    const share = new PlannedShare();
    const begun = share.value;
    const before = recorded(share, false, 20_000);
    assert.ok(begun > 0.5 && begun < before && before < 1);
    assert.ok(Math.abs(recorded(share, true, 1) - before * Math.exp(-0.05)) < 1e-4);
    assert.ok(recorded(share, false, 2000) < before);
    assert.ok(Math.abs(recorded(share, false, 20_000) - before) < 1e-4);
  });

  it('settles where misses take as much as is forgotten', () => {
    const most = recorded(new PlannedShare(), false, 40_000);
    const share = new PlannedShare();
    for (let i = 0; i < 20; i++) {
      recorded(share, false, 499);
      recorded(share, true, 1);
    }
    // one in 500 over 2,000: four of them count
    assert.ok(Math.abs(Math.log(most / share.value) - 4 * 0.05) < 0.03, `${share.value}`);
  });

  it('has a floor, so that an hour of misses is forgotten as soon as a minute of them', () => {
    const share = new PlannedShare();
    const floor = recorded(share, true, 100);
    assert.equal(recorded(share, true, 10_000), floor);
    assert.ok(floor > 0.3);
  });
});
