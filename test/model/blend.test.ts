import assert from 'node:assert/strict';
import { blend } from '../../src/model/blend.js';
import { tinyCheckpoint } from '../support/tiny.js';

describe('blend', () => {
  const [start, trained] = [tinyCheckpoint(1), tinyCheckpoint(2)];

  it('is either checkpoint at the ends', () => {
    assert.equal(blend(start, trained, 0).fingerprint, trained.fingerprint);
    assert.equal(blend(start, trained, 1).fingerprint, start.fingerprint);
  });

  it('is between them elsewhere', () => {
    const name = 'layers.1.up.weight';
    const at = (checkpoint: typeof start) => checkpoint.weights.get(name)![5]!;
    assert.ok(Math.abs(at(blend(start, trained, 0.25)) - (0.25 * at(start) + 0.75 * at(trained))) < 1e-7);
  });
});
