import assert from 'node:assert/strict';
import { positionsAt, resamplingWeights, tokenMap } from '../../src/model/positions.js';
import { golden, goldenCheckpoint } from '../support/golden.js';
import { maxDifference } from '../support/numbers.js';
import { tiny, tinyCheckpoint } from '../support/tiny.js';

describe('position embeddings', () => {
  it('are resampled as torch does, antialiased and bicubic', async function () {
    const { architecture: a, weights } = await goldenCheckpoint(this);
    const resampled = positionsAt(a, weights.get('positions')!, 112);
    assert.equal(resampled.length, 50 * a.width);
    const expected = golden().positions7x7_first3.flat();
    const difference = maxDifference(resampled.subarray(a.width, 4 * a.width), expected);
    assert.ok(difference < 1e-5, String(difference));
  });

  it('are halved with the cubic kernel at quarters, seven eighths, …', () => {
    // a = -0.5 at ±0.25, ±0.75, ±1.25, ±1.75, which sum to 2
    const half = [-0.0234375, -0.0703125, 0.2265625, 0.8671875].map(w => w / 2);
    const weights = resamplingWeights(16, 8);
    assert.ok(maxDifference(weights.subarray(3 * 16 + 3, 3 * 16 + 11), [...half, ...half.toReversed()]) < 1e-12);
  });

  it('are interpolated with the cubic kernel at ±0.25, ±0.75, …', () => {
    const weights = resamplingWeights(8, 16); // the centre of place 7 lies a quarter behind that of 3
    const expected = [-0.0703125, 0.8671875, 0.2265625, -0.0234375];
    assert.ok(maxDifference(weights.subarray(7 * 8 + 2, 7 * 8 + 6), expected) < 1e-12);
  });

  it('stay as they are at their own resolution', () => {
    const stored = tinyCheckpoint().weights.get('positions')!;
    assert.equal(positionsAt(tiny, stored, tiny.resolution), stored);
    const identity = tokenMap(4, 4);
    for (let i = 0; i < 17 * 17; i++) assert.ok(Math.abs(identity[i]! - (i % 18 === 0 ? 1 : 0)) < 1e-7);
  });

  it('keep the class token, and a constant', () => {
    for (const [from, to] of [
      [14, 7],
      [14, 10],
      [4, 9],
      [1, 3],
      [5, 1],
    ] as const) {
      const map = tokenMap(from, to);
      const columns = 1 + from * from;
      for (let i = 0; i < 1 + to * to; i++) {
        const row = map.subarray(i * columns, (i + 1) * columns);
        assert.equal(row[0], i === 0 ? 1 : 0);
        assert.ok(Math.abs(row.reduce((sum, w) => sum + w, 0) - 1) < 1e-6, `${from} -> ${to}, row ${i}`);
      }
    }
  });

  it('have rows before columns', () => {
    // a grid that grows downwards stays so: no column mixes with a row
    const stored = new Float32Array(17 * tiny.width);
    for (let i = 0; i < 16; i++) stored.fill(Math.floor(i / 4), (1 + i) * tiny.width, (2 + i) * tiny.width);
    const resampled = positionsAt(tiny, stored, 8);
    const at = (y: number, x: number) => resampled[(1 + y * 2 + x) * tiny.width]!;
    assert.ok(Math.abs(at(0, 0) - at(0, 1)) < 1e-6 && at(0, 0) < at(1, 0) - 1);
  });
});
