import assert from 'node:assert/strict';
import { parseCalibration, uncalibrated } from '../../src/planner/calibration.js';

describe('a stored calibration', () => {
  const calibration = uncalibrated('abc', 'XL@224:fp32');
  const again = (changes: object): unknown => JSON.parse(JSON.stringify({ ...calibration, ...changes }));

  it('survives JSON', () => {
    assert.deepEqual(parseCalibration(again({}), 'abc'), calibration);
  });

  it('is refused when it is of another model, damaged or absent', () => {
    const point = calibration.points[0]!;
    const less = { ...point, fidelity: { ...point.fidelity, rbo: 0.5 } };
    for (const damage of [
      { points: [] },
      { points: [{ ...point, decodeMs: { p50: -1, p95: 1 } }] },
      { points: [{ ...point, decodeMs: { p50: 2, p95: 1 } }] },
      { points: [point, less] },
      { searchMs: null },
    ])
      assert.throws(() => parseCalibration(again(damage), 'abc'), RangeError, JSON.stringify(damage));
    assert.throws(() => parseCalibration(again({}), 'another'), /other weights/);
    assert.throws(() => parseCalibration(undefined, 'abc'), RangeError);
  });
});
