import assert from 'node:assert/strict';
import { printSubmodel } from '../../src/model/submodel.js';
import { type TrainingConfig, planner } from '../../src/training/config.js';
import { tiny } from '../support/tiny.js';
import { tinyConfig } from './synthetic.js';

describe('the passes of a step', () => {
  const config: TrainingConfig = {
    ...tinyConfig,
    objective: 'distil',
    fullResolutions: [[8, 1], [12, 2], [16, 1]], // prettier-ignore
    subResolutions: [[8, 1], [16, 3]], // prettier-ignore
  };
  const steps = Array.from({ length: 4000 }, (_, step) => step);
  const passes = (over: Partial<TrainingConfig> = {}) => steps.map(planner(tiny, { ...config, ...over }));

  it('have each resolution as often as its mix says', () => {
    const all = passes().flat();
    for (const [name, mix] of [
      ['XL', config.fullResolutions],
      ['S', config.subResolutions],
    ] as const) {
      const drawn = all.filter(({ submodel }) => printSubmodel(submodel) === name).map(({ resolution }) => resolution);
      const total = mix.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [resolution, weight] of mix) {
        const share = drawn.filter(side => side === resolution).length / drawn.length;
        assert.ok(Math.abs(share - weight / total) < 0.04, `${name}@${resolution}: ${share}`);
      }
    }
  });

  it('are other ones with another seed, and the same with the same', () => {
    const usual = passes();
    assert.deepEqual(passes(), usual);
    const other = passes({ seed: config.seed + 1 });
    const same = steps.filter(step => JSON.stringify(other[step]) === JSON.stringify(usual[step]));
    assert.ok(same.length < steps.length / 2, `${same.length}`);
  });
});
