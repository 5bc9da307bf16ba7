import assert from 'node:assert/strict';
import { printSubmodel } from '../../src/model/submodel.js';
import { type TrainingConfig, planner } from '../../src/training/config.js';
import { trainedMixes } from '../../src/training/mixes.js';
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
    const all = passes();
    for (const [pass, mix] of [config.fullResolutions, config.subResolutions, config.subResolutions].entries()) {
      const drawn = all.map(step => step[pass]!.resolution);
      const total = mix.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [resolution, weight] of mix) {
        const share = drawn.filter(side => side === resolution).length / drawn.length;
        assert.ok(Math.abs(share - weight / total) < 0.04, `${pass} at ${resolution}: ${share}`);
      }
    }
  });

  it('are of the full model, of S, M and L in turn, and of mixes that are for training', () => {
    const names = passes().map(all => all.map(({ submodel }) => printSubmodel(submodel)));
    assert.ok(names.every(([first]) => first === 'XL'));
    for (const name of ['S', 'M', 'L']) {
      const share = names.filter(([, second]) => second === name).length / names.length;
      assert.ok(Math.abs(share - 1 / 3) < 0.03, `${name}: ${share}`);
    }
    const mixes = new Set(trainedMixes(tiny).map(printSubmodel));
    assert.deepEqual(new Set(names.map(([, , third]) => third!)), mixes);
  });

  it('are other ones with another seed, and the same with the same', () => {
    const usual = passes();
    assert.deepEqual(passes(), usual);
    const other = passes({ seed: config.seed + 1 });
    const same = steps.filter(step => JSON.stringify(other[step]) === JSON.stringify(usual[step]));
    assert.ok(same.length < steps.length / 2, `${same.length}`);
  });
});
