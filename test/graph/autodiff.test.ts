/** Gradients against two oracles: tfjs's own differentiation of its own forward pass, and central finite differences. */
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import { type TrainingGraph, classificationGraph, distillationGraph, isNested } from '../../src/graph/training.js';
import { tokenMap } from '../../src/model/positions.js';
import type { NamedTensor } from '../../src/model/safetensors.js';
import { ffnWidths, printSubmodel } from '../../src/model/submodel.js';
import { random } from '../../src/training/random.js';
import { maxAbs, maxDifference } from '../support/numbers.js';
import { classificationLoss, distillationLoss } from '../support/tfjs-losses.js';
import { submodel, tiny, tinyTensors } from '../support/tiny.js';
import {
  type Pass,
  type TfjsLoss,
  noise,
  stepper,
  tfjsStep,
  tinyParameters,
  unitRows,
  useTfjsCpu,
} from '../support/training.js';

const batch = 3;
const classes = 5;
const layers = [0, 1];
const weights = { cosine: 0.9, similarity: 0.7, temperature: 0.2, hidden: 1.3 };

/** Hidden states come from another pass, here at 16 px, as random numbers of their size. */
function hiddenTargets(resolution: number): Record<string, NamedTensor> {
  const [from, to] = [16 / tiny.patch, resolution / tiny.patch];
  const shape = [1 + to * to, 1 + from * from];
  const states = layers.map(
    layer => [`hidden.${layer}`, noise(30 + layer, [batch, shape[1]!, tiny.width], 4)] as const,
  );
  return { pool: { shape, data: tokenMap(from, to) }, ...Object.fromEntries(states) };
}

const teacher = unitRows(31, batch);
const bank = unitRows(32, 7);
const labels = {
  shape: [batch, classes],
  data: Float32Array.from([1, 0, 0, 0, 0, /**/ 0, 0.25, 0, 0.75, 0, /**/ 0.2, 0.2, 0.2, 0.2, 0.2]),
};

const subjects: {
  name: string;
  graph: TrainingGraph;
  loss: TfjsLoss;
  parameters: Map<string, NamedTensor>;
  targets: (resolution: number) => Record<string, NamedTensor>;
}[] = [
  {
    name: 'self-distillation',
    graph: distillationGraph(tiny, weights, layers, false),
    loss: distillationLoss(weights, []),
    parameters: tinyParameters(),
    targets: () => ({ teacher, bank }),
  },
  {
    name: 'self-distillation with hidden states',
    graph: distillationGraph(tiny, weights, layers, true),
    loss: distillationLoss(weights, layers),
    parameters: tinyParameters(),
    targets: resolution => ({ teacher, bank, ...hiddenTargets(resolution) }),
  },
  {
    name: 'classification',
    graph: classificationGraph(tiny, classes),
    loss: classificationLoss,
    parameters: tinyParameters(classes),
    targets: () => ({ labels }),
  },
];

/** What is added to every key changes no softmax: the true gradient is 0, and there is nothing to be relative to. */
const isZero = (name: string): boolean => name.endsWith('key.bias');

for (const { name, graph, loss, parameters, targets } of subjects)
  describe(`gradients of ${name}`, () => {
    let step: Awaited<ReturnType<typeof stepper>>;
    before(useTfjsCpu);
    before(async () => (step = await stepper(graph)));
    const passAt = (text: string, resolution: number): Pass => ({
      submodel: submodel(text),
      resolution,
      batch,
      targets: targets(resolution),
    });

    it('belong to every parameter', () => assert.deepEqual(graph.parameters, [...parameters.keys()]));

    for (const pass of [passAt('XL', 16), passAt('S', 8), passAt('M1-XL1-S1', 24)])
      it(`equal those of tfjs, for ${printSubmodel(pass.submodel)} at ${pass.resolution} px`, async () => {
        const ours = await step(parameters, pass);
        const theirs = tfjsStep(parameters, pass, loss);
        assert.ok(Math.abs(ours.loss - theirs.loss) < 1e-5, `losses ${ours.loss} and ${theirs.loss}`);
        const largest = Math.max(...[...theirs.gradients.values()].map(maxAbs));
        const widths = ffnWidths(tiny, pass.submodel);
        for (const [parameter, gradient] of ours.gradients) {
          const all = theirs.gradients.get(parameter)!;
          const rows = isNested(parameter) ? widths[Number(parameter.split('.')[1])]! / tiny.ffnWidth : 1;
          assert.equal(gradient.length, all.length * rows, `${parameter} has a gradient for the rows that were fed`);
          const expected = all.subarray(0, gradient.length);
          assert.equal(maxAbs(all.subarray(gradient.length)), 0, 'tfjs finds the other rows without effect');
          const error = maxDifference(gradient, expected) / (isZero(parameter) ? largest : maxAbs(expected));
          assert.ok(error < (isZero(parameter) ? 1e-6 : 1e-4), `${parameter}: ${error}`);
        }
      });

    it('equal finite differences', async () => {
      const pass = passAt('XL', 16);
      const { gradients } = await step(parameters, pass);
      const r = random(5);
      for (const [parameter, gradient] of gradients) {
        if (isZero(parameter)) continue;
        const { data } = parameters.get(parameter)!;
        const peak = maxAbs(gradient);
        const samples = [
          gradient.findIndex(g => Math.abs(g) === peak),
          ...Array.from({ length: 9 }, () => r.below(data.length)),
        ];
        for (const i of samples) {
          const slope = await centralDifference(data, i, 1e-2, async () => (await step(parameters, pass)).loss);
          const error = Math.abs(slope - gradient[i]!) / peak;
          assert.ok(error < 1e-2, `${parameter}[${i}]: ${error}`);
        }
      }
    });
  });

/** The slope of a function of data[i]; `data` is left as it was. */
async function centralDifference(data: Float32Array, i: number, h: number, f: () => Promise<number>): Promise<number> {
  const value = data[i]!;
  const at = async (x: number) => {
    data[i] = x;
    return { x: data[i], y: await f() };
  };
  const [right, left] = [await at(value + h), await at(value - h)];
  data[i] = value;
  return (right.y - left.y) / (right.x - left.x); // the steps as fp32 rounded them
}

describe('the training graph', () => {
  before(useTfjsCpu);

  it('gives the hidden states to be matched, and the cosine distance', async () => {
    const step = await stepper(distillationGraph(tiny, weights, layers, false));
    const pass: Pass = { submodel: submodel('XL'), resolution: 16, batch, targets: { teacher, bank } };
    const { outputs } = await step(tinyTensors(), pass);
    const value = (output: string) => outputs[output]!.data as Float32Array;
    const expected: Float32Array[] = [];
    let cosine = 0;
    tfjsStep(tinyTensors(), pass, ({ hidden, embedding }) => {
      hidden.forEach(state => expected.push(state.dataSync<'float32'>()));
      const distance = tf.mean<tf.Scalar>(tf.sub(1, tf.sum(tf.mul(embedding, teacherTensor()), -1)));
      cosine = distance.dataSync()[0]!;
      return distance;
    });
    for (const layer of layers) assert.ok(maxDifference(value(`hidden.${layer}`), expected[layer]!) < 1e-4);
    assert.ok(Math.abs(value('cosine')[0]! - cosine) < 1e-5);
  });
});

const teacherTensor = () => tf.tensor(teacher.data, teacher.shape as [number, number]);
