import assert from 'node:assert/strict';
import { StageModel } from '../../src/planner/stage-model.js';
import { median } from '../../src/statistics.js';
import { random } from '../../src/training/random.js';

const calibrated = [2, 8, 20].map(p50 => ({ p50, p95: 1.2 * p50 }));

describe('StageModel', () => {
  it('follows a machine that becomes twice as slow, and as fast again, within five requests of any point', () => {
    const model = new StageModel(calibrated, 2);
    for (let i = 0; i < 100; i++) model.observe(2, 1, 20);
    for (const slow of [2, 1]) {
      for (let i = 0; i < 5; i++) model.observe(2, 1, 20 * slow);
      assert.ok(Math.abs(model.predict(0, 1).p50 / (2 * slow) - 1) < 0.05, `${model.predict(0, 1).p50} of ${2 * slow}`);
      for (let i = 0; i < 100; i++) model.observe(2, 1, 20 * slow);
    }
  });

  it('is not led astray by the quarter of the requests that something interrupts', () => {
    const draw = random(7);
    const model = new StageModel(calibrated, 2);
    const [errors, least]: [number[], number[]] = [[], []];
    for (let i = 0; i < 3000; i++) {
      const point = draw.below(3);
      const { p50 } = calibrated[point]!;
      const ms = p50 * Math.exp(0.08 * draw.normal()) * (draw.next() < 0.25 ? draw.between(1.2, 2) : 1);
      if (i > 200) {
        errors.push(Math.abs(model.predict(point, 1).p50 - ms) / ms);
        least.push(Math.abs(1.03 * p50 - ms) / ms); // near the median of all
      }
      model.observe(point, 1, ms);
    }
    assert.ok(median(errors) < 1.15 * median(least), `${median(errors)} where ${median(least)} can be had`);
  });

  it("forgets a group's bad moment while others are used, or it might never be used again", () => {
    const model = new StageModel(calibrated, 2, point => Number(point === 2));
    for (let i = 0; i < 2000; i++) model.observe(2, 1, i % 10 === 0 ? 60 : 20);
    const bad = model.predict(2, 1);
    assert.ok(bad.p95 / bad.p50 > 1.5, JSON.stringify(bad));
    for (let i = 0; i < 2500; i++) model.observe(0, 1, 2);
    const after = model.predict(2, 1);
    assert.ok(after.p95 / after.p50 < 1.25, JSON.stringify(after));
  });

  it('does not drift where slow phases come and go for hours', () => {
    for (const busy of [1, 2]) {
      const draw = random(9);
      const model = new StageModel(calibrated, 2);
      for (let i = 0; i < 50_000; i++)
        model.observe(2, busy, 20 * Math.exp(0.1 * draw.normal()) * (i % 200 < 8 ? 1.8 : 1));
      for (const company of [1, 2]) {
        const { p50: predicted } = model.predict(0, company);
        assert.ok(Math.abs(Math.log(predicted / 2)) < 0.15, `${predicted} instead of 2, ${company} of ${busy} busy`);
      }
      assert.ok(Math.abs(Math.log(model.slowdown)) < 0.15, `${model.slowdown}`);
    }
  });

  it('does not take the interruptions of one point for the speed of another, nor for company', () => {
    for (const busy of [1, 2]) {
      const draw = random(8);
      const model = new StageModel(calibrated, 2);
      for (let i = 0; i < 5000; i++)
        model.observe(2, busy, 20 * Math.exp(0.08 * draw.normal()) * (draw.next() < 0.25 ? draw.between(1.2, 2) : 1));
      for (const [point, { p50 }] of calibrated.entries())
        for (const company of [1, 2]) {
          const { p50: predicted } = model.predict(point, company);
          assert.ok(
            Math.abs(Math.log(predicted / p50)) < 0.12,
            `${predicted} instead of ${p50}, ${company} of ${busy} busy`,
          );
        }
      assert.ok(Math.abs(Math.log(model.whenFastest(0) / 2)) < 0.12, `${model.whenFastest(0)}`);
    }
  });
});
