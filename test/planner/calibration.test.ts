import assert from 'node:assert/strict';
import { parseCalibration, uncalibrated } from '../../src/planner/calibration.js';

describe('a stored calibration', () => {
  const calibration = uncalibrated('abc', 'XL@224:fp32');
  const again = (changes: object): unknown => JSON.parse(JSON.stringify({ ...calibration, ...changes }));

  it('survives JSON', () => {
    assert.deepEqual(parseCalibration(again({}), 'abc'), calibration);
  });

  it('counts as none when it is of another model, damaged or absent', () => {
    const [point] = calibration.points;
    for (const damage of [
      { points: [] },
      { points: [{ ...point, decodeMs: { p50: -1, p95: 1 } }] },
      { searchMs: null },
    ])
      assert.equal(parseCalibration(again(damage), 'abc'), undefined);
    assert.equal(parseCalibration(again({}), 'another'), undefined);
    assert.equal(parseCalibration(undefined, 'abc'), undefined);
  });
});
