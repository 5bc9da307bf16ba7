import assert from 'node:assert/strict';
import { presets } from '../../src/model/architecture.js';
import { checkConfig } from '../../src/training/config.js';
import { preset, workersFor } from '../../src/training/presets.js';

describe('training presets', () => {
  it('can be trained whatever the patch of the encoder, on any number of cores', () => {
    for (const patch of [14, 16, 32])
      for (const purpose of ['distil', 'adapt'] as const) {
        const a = { ...presets['Ti/16'], patch, resolution: 16 * patch };
        const config = preset(a, purpose);
        for (let cores = 1; cores <= 40; cores++)
          checkConfig(a, { ...config, workers: workersFor(config.batch, cores) });
      }
  });

  it('train the full model at its own resolution now and then, whatever that is', () => {
    for (const [patch, resolution] of [
      [16, 224],
      [16, 384],
      [14, 518],
      [32, 384],
    ] as const)
      // prettier-ignore
      for (const purpose of ['distil', 'adapt'] as const) {
        const { fullResolutions } = preset({ ...presets['Ti/16'], patch, resolution }, purpose);
        assert.deepEqual(fullResolutions.at(-1), [resolution, 1.5]);
        assert.equal(fullResolutions[1]![0] / patch, Math.round(resolution / 2 / patch));
      }
  });

  it('take as many workers as share a batch evenly', () => {
    assert.deepEqual([1, 2, 3, 8, 12, 100].map(cores => workersFor(32, cores)), [1, 2, 2, 8, 8, 32]); // prettier-ignore
    assert.equal(workersFor(30, 4), 3);
  });
});
