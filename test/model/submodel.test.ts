import assert from 'node:assert/strict';
import { presets } from '../../src/model/architecture.js';
import {
  fullPoint,
  maxResolution,
  parseOperatingPoint,
  precisions,
  printOperatingPoint,
} from '../../src/model/operating-point.js';
import { ffnWidths, nonDecreasing, parseSubmodel, printSubmodel, uniform } from '../../src/model/submodel.js';
import { throwsCode } from '../support/rejects.js';
import { randomMixes, tiny } from '../support/tiny.js';

const a = presets['Ti/16'];

describe('submodels', () => {
  it('are read as they are written', () => {
    assert.deepEqual(parseSubmodel(a, 'S'), new Array(12).fill(0));
    assert.deepEqual(parseSubmodel(a, 'XL'), uniform(a, 'XL'));
    assert.deepEqual(parseSubmodel(a, 'M6-L6'), [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]);
    assert.deepEqual(parseSubmodel(a, 'S3-M3-L3-XL3'), [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
    assert.deepEqual(parseSubmodel(a, 'XL1-S11'), [3, ...new Array<number>(11).fill(0)]);
  });

  it('print to the shortest text', () => {
    assert.equal(printSubmodel(parseSubmodel(a, 'M12')), 'M');
    assert.equal(printSubmodel(parseSubmodel(a, 'S1-S2-XL4-XL5')), 'S3-XL9');
  });

  it('survive printing and parsing', () => {
    for (const submodel of [...nonDecreasing(a), ...randomMixes(1, 200, a.depth)])
      assert.deepEqual(parseSubmodel(a, printSubmodel(submodel)), submodel);
  });

  it('have the widths of their granularities', () => {
    assert.deepEqual(ffnWidths(a, parseSubmodel(a, 'S3-M3-L3-XL3')), [
      ...[96, 96, 96, 192, 192, 192],
      ...[384, 384, 384, 768, 768, 768],
    ]);
  });

  for (const text of [
    '',
    'xl',
    'Q',
    'M6',
    'M6-L7',
    'M6-L5',
    'M06-L6',
    'M0-L12',
    'M6L6',
    '-M12',
    'M12-',
    'M99999',
    'S9999-'.repeat(1000) + 'S1',
    ' XL',
  ])
    it(`refuse '${text}'`, () => throwsCode('SUBMODEL_INVALID', () => parseSubmodel(a, text)));
});

describe('the lattice of non-decreasing submodels', () => {
  it('has 455 members for 12 layers, all different and non-decreasing', () => {
    const lattice = [...nonDecreasing(a)];
    assert.equal(lattice.length, 455); // C(12 + 3, 3)
    assert.equal(new Set(lattice.map(printSubmodel)).size, 455);
    for (const submodel of lattice) assert.deepEqual([...submodel].sort(), submodel);
  });

  it('holds the four uniform ones', () => {
    const names = [...nonDecreasing(tiny)].map(printSubmodel);
    assert.equal(names.length, 20); // C(3 + 3, 3)
    for (const name of ['S', 'M', 'L', 'XL', 'S1-M1-XL1']) assert.ok(names.includes(name), name);
  });
});

describe('operating points', () => {
  it('take what is left out from the full model', () => {
    assert.deepEqual(parseOperatingPoint(a, 'XL'), fullPoint(a));
    assert.equal(printOperatingPoint(parseOperatingPoint(a, 'S')), 'S@224:fp32');
    assert.equal(printOperatingPoint(parseOperatingPoint(a, 'S@112')), 'S@112:fp32');
    assert.equal(printOperatingPoint(parseOperatingPoint(a, 'S:int8')), 'S@224:int8');
  });

  it('survive printing and parsing', () => {
    for (const submodel of randomMixes(2, 20, a.depth))
      for (const resolution of [16, 112, 160, 224, 512])
        for (const precision of precisions) {
          const point = { submodel, resolution, precision };
          assert.deepEqual(parseOperatingPoint(a, printOperatingPoint(point)), point);
        }
  });

  for (const text of [
    '',
    '@224',
    'S@',
    'S@x',
    'S@-16',
    'S@112:',
    'S@112:fp64',
    'S:int8@112',
    'S@112:int8 ',
    's@112',
    'S@123456',
  ])
    it(`refuse '${text}'`, () => throwsCode('OPERATING_POINT_INVALID', () => parseOperatingPoint(a, text)));
  for (const text of ['S@0', 'S@8', 'S@100', 'S@225', `S@${maxResolution + 16}`])
    it(`refuse the resolution of '${text}'`, () =>
      throwsCode('RESOLUTION_INVALID', () => parseOperatingPoint(a, text)));
  it('may have the resolution of a model whose own is above the limit', () => {
    const large = { ...a, resolution: maxResolution + 16 };
    assert.equal(parseOperatingPoint(large, 'XL').resolution, maxResolution + 16);
    throwsCode('RESOLUTION_INVALID', () => parseOperatingPoint(large, `XL@${maxResolution + 32}`));
  });
  for (const text of ['Q@112', 'M6@112', 'M6-L7:int8'])
    it(`refuse the submodel of '${text}'`, () => throwsCode('SUBMODEL_INVALID', () => parseOperatingPoint(a, text)));
});
