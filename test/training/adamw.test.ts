import assert from 'node:assert/strict';
import { adamw, learningRateAt } from '../../src/training/adamw.js';
import type { Layout } from '../../src/training/layout.js';

/** A matrix, which decays, and a bias, which does not. */
const layout: Layout = {
  entries: new Map([
    ['matrix', { shape: [1, 2], offset: 0, length: 2, decays: true }],
    ['bias', { shape: [2], offset: 2, length: 2, decays: false }],
  ]),
  length: 4,
};
const options = { step: 1, learningRate: 0.1, weightDecay: 0.5, gradientScale: 0.5, averageDecay: 0.9 };
const zeros = () => new Float32Array(4);

function update(anchor?: Float32Array, range: readonly [number, number] = [0, 4], over: Partial<typeof options> = {}) {
  const weights = Float32Array.of(1, -2, 3, -4);
  const state = { weights, firstMoment: zeros(), secondMoment: zeros(), average: weights.slice() };
  adamw(layout, state, Float32Array.of(4, -4, 0.02, 0), anchor, range, { ...options, ...over });
  return state;
}

function near(actual: Float32Array, expected: readonly number[]) {
  expected.forEach((x, i) => assert.ok(Math.abs(actual[i]! - x) < 1e-6, `${actual.join()} is not ${expected.join()}`));
}

describe('adamw', () => {
  it('takes the step that the paper says', () => {
    // the first step is the learning rate, whatever the gradient; matrices decay by 0.1 * 0.5 before it
    const { weights, firstMoment, secondMoment, average } = update();
    near(weights, [0.95 - 0.1, -1.9 + 0.1, 3 - 0.1 * (0.01 / (0.01 + 1e-8)), -4]);
    near(firstMoment, [0.2, -0.2, 0.001, 0]);
    near(secondMoment, [0.004, 0.004, 1e-7, 0]);
    const keep = 2 / 11; // less than 0.9: it is young
    near(average, [1, -2, 3, -4].map((before, i) => keep * before + (1 - keep) * weights[i]!)); // prettier-ignore
  });

  it('corrects the moments by the number of the step', () => {
    const { weights } = update(undefined, [0, 4], { step: 3, weightDecay: 0 });
    const m = 0.2 / (1 - 0.9 ** 3);
    const v = 0.004 / (1 - 0.999 ** 3);
    near(weights, [1 - (0.1 * m) / Math.sqrt(v), -2 + (0.1 * m) / Math.sqrt(v)]);
  });

  it('lets every parameter that was used decay towards the anchor, if there is one', () => {
    const { weights } = update(Float32Array.of(0, 0, 0, 4));
    near(weights, [0.85, -1.8, 2.85 - 0.1, -4]); // the last has no gradient
  });

  it('touches its own range alone', () => {
    const { weights, firstMoment, average } = update(undefined, [1, 3]);
    assert.deepEqual([weights[0], weights[3], firstMoment[0], average[3]], [1, -4, 0, -4]);
    assert.ok(weights[1] !== -2 && weights[2] !== 3);
  });
});

describe('learningRateAt', () => {
  const rates = (steps: number, warmup: number) =>
    Array.from({ length: steps }, (_, step) => learningRateAt(step, { peak: 2, warmup, steps, floor: 0.1 }));

  it('rises to the peak and falls to the floor', () => {
    const all = rates(100, 10);
    assert.deepEqual([all[0], all[4], all[9], all[10]], [0.2, 1, 2, 2]);
    assert.ok(Math.abs(all[55]! - (2 * 1.1) / 2) < 1e-12); // half-way
    assert.ok(all.slice(10).every((rate, i, falling) => i === 0 || rate < falling[i - 1]!));
    assert.ok(all.at(-1)! < 0.202);
  });

  it('falls even in a run that is shorter than the warm-up', () => {
    for (const steps of [4, 20, 150]) {
      const all = rates(steps, 200);
      assert.equal(Math.max(...all), 2);
      assert.ok(all.at(-1)! < 0.5 * 2, `${steps}: ${all.at(-1)}`);
    }
  });
});
