import assert from 'node:assert/strict';
import {
  type Architecture,
  checkArchitecture,
  patchCount,
  presets,
  tensorShapes,
} from '../../src/model/architecture.js';
import { throwsCode } from '../support/rejects.js';
import { tiny } from '../support/tiny.js';

describe('architectures', () => {
  it('that are presets are valid', () => {
    for (const preset of Object.values(presets)) assert.equal(checkArchitecture(preset), preset);
  });

  it('name every tensor once, with its shape', () => {
    const shapes = tensorShapes(tiny);
    assert.equal(shapes.size, 3 + 16 * tiny.depth + 2);
    assert.deepEqual(shapes.get('patch.weight'), [24, 48]);
    assert.deepEqual(shapes.get('positions'), [17, 24]);
    assert.deepEqual(shapes.get('layers.2.up.weight'), [32, 24]);
    assert.deepEqual(shapes.get('layers.2.down.weight'), [32, 24]);
  });

  it('count patches, and refuse sides that are not whole patches', () => {
    assert.equal(patchCount(tiny, 24), 36);
    for (const side of [0, -4, 2, 18, 4.5, NaN]) throwsCode('RESOLUTION_INVALID', () => patchCount(tiny, side));
  });

  const broken: [string, Partial<Record<keyof Architecture, unknown>>][] = [
    ['a width of 0', { width: 0 }],
    ['a fractional depth', { depth: 1.5 }],
    ['a depth that no memory would hold', { depth: 1e9 }],
    ['no patch', { patch: undefined }],
    ['a width that the heads do not divide', { heads: 5 }],
    ['a resolution that the patch does not divide', { resolution: 18 }],
    ['an epsilon of 0', { epsilon: 0 }],
    ['an epsilon that is no number', { epsilon: NaN }],
    ['three granularities', { granularities: [8, 16, 32] }],
    ['granularities out of order', { granularities: [8, 4, 16, 32] }],
    ['granularities that end elsewhere', { granularities: [4, 8, 16, 31] }],
    ['granularities that are no list', { granularities: 32 }],
    ['a granularity of 0', { granularities: [0, 8, 16, 32] }],
  ];
  for (const [what, change] of broken)
    it(`are refused with ${what}`, () =>
      throwsCode('ARCHITECTURE_INVALID', () => checkArchitecture({ ...tiny, ...change } as Architecture)));
});
