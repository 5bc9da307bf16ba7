import assert from 'node:assert/strict';
import { accuracyOnLine, mixPoints } from '../../src/evaluation/mixes.js';
import { granularityNames, presets } from '../../src/model/architecture.js';
import { printOperatingPoint } from '../../src/model/operating-point.js';
import { printSubmodel } from '../../src/model/submodel.js';
import { planner } from '../../src/training/config.js';
import { preset } from '../../src/training/presets.js';

describe('untrained mixes', () => {
  const a = presets['Ti/16'];
  it('are never drawn in training', () => {
    const { mixes } = mixPoints(a, 1000);
    assert.ok(mixes.length > 3);
    const plan = planner(a, preset(a, 'distil'));
    const drawn = new Set(
      Array.from({ length: 3000 }, (_, step) => plan(step))
        .flat()
        .map(pass => printSubmodel(pass.submodel)),
    );
    for (const { submodel } of mixes) assert.ok(!drawn.has(printSubmodel(submodel)), printSubmodel(submodel));
  });

  it('are the same ones each time, and come with the granularities', () => {
    const names = () => mixPoints(a, 3).mixes.map(printOperatingPoint);
    assert.deepEqual(names(), names());
    assert.equal(new Set(names()).size, 3);
    const { trained } = mixPoints(a, 3);
    assert.deepEqual(
      trained.map(printOperatingPoint),
      granularityNames.map(name => `${name}@${a.resolution}:fp32`),
    );
  });

  it('lie on a line if their accuracy is in proportion to their cost', () => {
    const point = (relativeMacs: number, accuracy1nn: number) => ({
      ...{ at: '', relativeMacs, accuracy1nn, top1Agreement: 1, recallAt10: 1 },
    });
    const trained = [point(1, 0.9), point(0.4, 0.5), point(0.6, 0.8)];
    assert.ok(Math.abs(accuracyOnLine(trained, 0.5) - 0.65) < 1e-12);
    assert.ok(Math.abs(accuracyOnLine(trained, 0.8) - 0.85) < 1e-12);
    for (const { relativeMacs, accuracy1nn } of trained)
      assert.ok(Math.abs(accuracyOnLine(trained, relativeMacs) - accuracy1nn) < 1e-12);
  });
});
