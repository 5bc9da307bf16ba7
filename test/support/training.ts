/** One step of a training graph on the tiny MatViT, and the same loss and gradients by tfjs. */
import * as tf from '@tensorflow/tfjs';
import { Tensor } from 'onnxruntime-node';
import { createSession } from '../../src/encoder/session.js';
import { tfjsForward } from '../../src/encoder/tfjs-forward.js';
import { pixelShape } from '../../src/graph/forward.js';
import { type TrainingGraph, gradientOf, headShapes, isNested } from '../../src/graph/training.js';
import { tokenMap } from '../../src/model/positions.js';
import type { NamedTensor } from '../../src/model/safetensors.js';
import { type Submodel, ffnWidths } from '../../src/model/submodel.js';
import { random } from '../../src/training/random.js';
import { row } from './numbers.js';
import { tiny, tinyPixels, tinyTensors } from './tiny.js';

export type Parameters = ReadonlyMap<string, NamedTensor>;
export interface Step {
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** What a pass is computed on: a submodel, pictures at a resolution, and what its loss compares with. */
export interface Pass {
  readonly submodel: Submodel;
  readonly resolution: number;
  readonly batch: number;
  readonly targets: Readonly<Record<string, NamedTensor>>;
}

const grid = (resolution: number): number => resolution / tiny.patch;

export function positionMap(resolution: number): NamedTensor {
  const [from, to] = [grid(tiny.resolution), grid(resolution)];
  return { shape: [1 + to * to, 1 + from * from], data: tokenMap(from, to) };
}

export async function stepper(graph: TrainingGraph): Promise<(parameters: Parameters, pass: Pass) => Promise<Step>> {
  const session = await createSession(graph.model, { disabledOptimizers: ['MatmulTransposeFusion'] });
  return async (parameters, pass) => {
    const { batch, resolution } = pass;
    const feeds: Record<string, Tensor> = {
      pixels: new Tensor('uint8', tinyPixels(9, batch, resolution), pixelShape(tiny, batch, resolution)),
    };
    const arrays = [
      ...Object.entries({ positionMap: positionMap(resolution), ...pass.targets }),
      ...used(parameters, pass),
    ];
    for (const [name, { data, shape }] of arrays) feeds[name] = new Tensor('float32', data, shape);
    const outputs = (await session.run(feeds)) as Record<string, Tensor>;
    const gradients = new Map(
      graph.parameters.map(name => [name, outputs[gradientOf(name)]!.data as Float32Array] as const),
    );
    return { loss: (outputs['loss']!.data as Float32Array)[0]!, gradients, outputs };
  };
}

/** The parameters as a submodel is fed them: the first rows of its FFNs. */
function used(parameters: Parameters, { submodel }: Pass): [string, NamedTensor][] {
  const widths = ffnWidths(tiny, submodel);
  return [...parameters].map(([name, tensor]) => {
    if (!isNested(name)) return [name, tensor];
    const rows = widths[Number(name.split('.')[1])]!;
    const [all, ...rest] = tensor.shape;
    return [name, { shape: [rows, ...rest], data: tensor.data.subarray(0, (tensor.data.length / all!) * rows) }];
  });
}

/** Loss of the forward pass in tfjs; `targets` as the training graph's inputs, `weights` as the parameters. */
export type TfjsLoss = (
  forward: ReturnType<typeof tfjsForward>,
  targets: Readonly<Record<string, tf.Tensor>>,
  weights: ReadonlyMap<string, tf.Tensor>,
) => tf.Scalar;

export async function useTfjsCpu(): Promise<void> {
  tf.enableProdMode(); // without its advice on the console
  await tf.setBackend('cpu');
}

/** The same step by tfjs, whose gradients have all rows. */
export function tfjsStep(parameters: Parameters, pass: Pass, loss: TfjsLoss): Omit<Step, 'outputs'> {
  const { batch, resolution, submodel } = pass;
  const names = [...parameters.keys()];
  const tensorOf = ({ data, shape }: NamedTensor) => tf.tensor(data, [...shape]);
  tf.engine().startScope(); // a tidy that may return what is no tensor
  try {
    const side = [batch, resolution, resolution, 3];
    const pixels = tf.tensor(Float32Array.from(tinyPixels(9, batch, resolution)), side);
    const map = tensorOf(positionMap(resolution));
    const targets = Object.fromEntries(Object.entries(pass.targets).map(([name, array]) => [name, tensorOf(array)]));
    const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
      const weights = new Map(names.map((name, i) => [name, tensors[i]!]));
      const positions = tf.matMul(map, weights.get('positions')!);
      return loss(tfjsForward(tiny, weights, ffnWidths(tiny, submodel), pixels, positions), targets, weights);
    })([...parameters.values()].map(tensorOf));
    const gradients = new Map(names.map((name, i) => [name, grads[i]!.dataSync<'float32'>().slice()]));
    return { loss: value.dataSync()[0]!, gradients };
  } finally {
    tf.engine().endScope();
  }
}

/** Random arrays of a shape. */
export function noise(seed: number, shape: readonly number[], spread = 1): NamedTensor {
  const r = random(seed);
  return { shape, data: Float32Array.from({ length: shape.reduce((n, m) => n * m, 1) }, () => r.normal() * spread) };
}

/** Rows of unit length, as the teacher's. */
export function unitRows(seed: number, rows: number): NamedTensor {
  const tensor = noise(seed, [rows, tiny.width]);
  for (let i = 0; i < rows; i++) {
    const values = row(tensor.data, tiny.width, i);
    const length = Math.hypot(...values);
    values.forEach((value, j) => (values[j] = value / length));
  }
  return tensor;
}

/** Parameters of the tiny MatViT, with a classifier's if there are classes. */
export function tinyParameters(classes = 0): Map<string, NamedTensor> {
  const tensors = tinyTensors();
  if (classes > 0)
    headShapes(tiny, classes).forEach(([name, shape], i) => tensors.set(name, noise(20 + i, shape, 0.3)));
  return tensors;
}
