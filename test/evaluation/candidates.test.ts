import assert from 'node:assert/strict';
import { coarsePoints, neighbours } from '../../src/evaluation/candidates.js';
import { presets } from '../../src/model/architecture.js';
import { printOperatingPoint } from '../../src/model/operating-point.js';
import { nonDecreasing, printSubmodel } from '../../src/model/submodel.js';

const a = Object.values(presets)[0]!;

describe('candidates of a calibration', () => {
  const points = coarsePoints(a, ['fp32', 'int8']);

  it('begin with seven mixes at nine resolutions and two precisions, no two alike', () => {
    const names = new Set(points.map(printOperatingPoint));
    assert.deepEqual([points.length, names.size], [126, 126]);
    assert.ok(names.has('XL@224:fp32') && names.has('S@96:int8') && names.has('M6-L6@160:fp32'));
  });

  it('have neighbours that differ and never fall with depth', () => {
    const lattice = new Set([...nonDecreasing(a)].map(printSubmodel));
    for (const point of points) {
      const around = neighbours(a, point);
      assert.ok(around.length >= 1, printOperatingPoint(point));
      for (const { submodel, resolution, precision } of around) {
        assert.ok(lattice.has(printSubmodel(submodel)), printSubmodel(submodel));
        assert.notEqual(printSubmodel(submodel), printSubmodel(point.submodel));
        assert.deepEqual([resolution, precision], [point.resolution, point.precision]);
      }
    }
  });
});
