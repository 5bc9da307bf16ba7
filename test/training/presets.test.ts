import assert from 'node:assert/strict';
import { presets } from '../../src/model/architecture.js';
import { checkConfig } from '../../src/training/config.js';
import { preset, withGiven, workersFor } from '../../src/training/presets.js';

describe('training presets', () => {
  it('can be trained whatever the patch of the encoder, on any number of cores', () => {
    for (const patch of [14, 16, 32])
      for (const purpose of ['distil', 'adapt', 'joint'] as const) {
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

  it('of labelled training show each view once, unless told otherwise', () => {
    const config = preset(presets['Ti/16'], 'joint');
    assert.equal(config.views, config.steps * config.batch);
    assert.equal(withGiven(config, { steps: 10_000, batch: 32 }).views, 320_000);
    assert.equal(withGiven(config, { steps: 10_000, views: 500 }).views, 500);
    assert.equal(withGiven(preset(presets['Ti/16'], 'distil'), { steps: 10_000 }).views, 60_000); // the teacher's memory
  });

  it('take as many workers as share a batch evenly', () => {
    assert.deepEqual([1, 2, 3, 8, 12, 100].map(cores => workersFor(32, cores)), [1, 2, 2, 8, 8, 32]); // prettier-ignore
    assert.equal(workersFor(30, 4), 3);
  });
});
