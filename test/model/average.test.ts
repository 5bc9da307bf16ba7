import assert from 'node:assert/strict';
import { average } from '../../src/model/average.js';
import type { Checkpoint } from '../../src/model/checkpoint.js';
import { initialise } from '../../src/training/initialise.js';
import { throwsCode } from '../support/rejects.js';
import { tinyCheckpoint } from '../support/tiny.js';

describe('average', () => {
  const [start, trained] = [tinyCheckpoint(1), tinyCheckpoint(2)];
  const of = (...shares: [Checkpoint, number][]) =>
    average(shares.map(([checkpoint, share]) => ({ checkpoint, share })));

  it('is the only checkpoint that there is', () => {
    assert.equal(of([trained, 3]).fingerprint, trained.fingerprint);
  });

  it('weighs by relative shares', () => {
    const at = (checkpoint: Checkpoint) => checkpoint.weights.get('layers.1.up.weight')![5]!;
    const mean = of([start, 1], [trained, 2], [start, 1]);
    assert.ok(Math.abs(at(mean) - (at(start) + at(trained)) / 2) < 1e-7);
  });

  it('refuses shares that no number can be the sum of', () => {
    throwsCode('OPTION_INVALID', () => of([start, 1e308], [trained, 1e308]));
  });

  it('refuses checkpoints of different architectures', () => {
    const other = initialise({ ...start.architecture, heads: 1 }, 1);
    throwsCode('CHECKPOINT_MISMATCH', () => of([start, 1], [other, 1]));
  });
});
