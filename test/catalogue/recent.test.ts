import assert from 'node:assert/strict';
import { Recent } from '../../src/catalogue/recent.js';

describe('Recent', () => {
  it('keeps as many rows as their size allows, the latest ones, until the revision is another', () => {
    const recent = new Recent<string[]>(1e6, ([text]) => text!.length);
    const kept = (from: number, to: number, revision = 1) => {
      const rows = recent.at(revision);
      return Array.from({ length: to - from }, (_, i) => from + i).filter(id => rows.get(id)).length;
    };
    for (let id = 0; id < 1000; id++) recent.at(1).set(id, ['small']);
    assert.equal(kept(0, 1000), 1000);
    for (let id = 1000; id < 1100; id++) recent.at(1).set(id, ['x'.repeat(64 * 1024)]);
    assert.equal(kept(0, 1000), 0);
    assert.equal(kept(1000, 1100), 15);
    assert.equal(kept(1085, 1100), 15);
    recent.at(1).set(7, ['x'.repeat(2e6)]);
    assert.equal(kept(7, 8), 0);
    assert.equal(kept(1000, 1100, 2), 0);
  });
});
