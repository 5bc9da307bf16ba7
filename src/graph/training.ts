/**
 * Graphs that compute a loss and its gradients. Parameters are inputs, and the number of hidden neurons a layer is left
 * open: a submodel is trained by feeding the first rows of its FFN matrices, so one graph serves every submodel at every
 * resolution, and gradients have the shapes of what was fed.
 */
import { type Architecture, tensorShapes } from '../model/architecture.js';
import { gradients } from './autodiff.js';
import { forward, pixelInput } from './forward.js';
import type { Dim, Tensor } from './graph.js';
import { plainLayers } from './layers.js';
import { Ops } from './ops.js';

export interface TrainingGraph {
  readonly model: Uint8Array;
  /** parameters, each an input under its name, its gradient an output under `gradientOf(name)` */
  readonly parameters: readonly string[];
}

export const gradientOf = (name: string): string => `d:${name}`;

/** Is it an FFN tensor with a row for each hidden neuron, so that a submodel takes only its first rows? */
export const isNested = (name: string): boolean => /\.(up\.weight|up\.bias|down\.weight)$/.test(name);

export interface EmbeddingWeights {
  /** of the cosine distance to the teacher's embedding */
  readonly cosine: number;
  /** of how a view's similarities to others are distributed */
  readonly similarity: number;
}

export interface DistillationWeights extends EmbeddingWeights {
  /** of the softmax over those similarities */
  readonly temperature: number;
  /** of the hidden states */
  readonly hidden: number;
}

/**
 * Nested self-distillation. Inputs beside the parameters: `pixels`, `positionMap` [T, stored tokens], `teacher` [B, D]
 * and `bank` [N, D], the teacher's embeddings of these views and of others (unit rows), and, if `matchHidden`,
 * `hidden.<layer>` [B, T', D] with `pool` [T, T'] that brings them to this grid.
 * Outputs: `loss`, `cosine` (mean cosine distance to the teacher) and, unless `matchHidden`, `hidden.<layer>`.
 *
 * @param hiddenLayers blocks whose outputs are matched, or given to be matched
 */
export function distillationGraph(
  a: Architecture,
  weights: DistillationWeights,
  hiddenLayers: readonly number[],
  matchHidden: boolean,
): TrainingGraph {
  return trainingGraph(a, [], (g, run) => {
    const { embedding, hidden } = run();
    const teacher = g.input('teacher', 'float32', ['B', a.width]);
    const cosine = g.sub(g.scalar(1), g.meanAll(g.reduce('ReduceSum', g.mul(embedding, teacher), [-1])));
    // Kullback-Leibler divergence of the softmax over the bank, as in SEED (arXiv 2101.04731): what a search ranks by.
    // Times the temperature, so that its gradient keeps the cosine's scale.
    const bank = g.input('bank', 'float32', ['N', a.width]);
    const likeness = (x: Tensor) => g.scale(g.matMul(x, bank, { transB: true }), 1 / weights.temperature); // [B, N]
    const target = likeness(teacher);
    const gap = g.mul(g.softmax(target), g.sub(g.logSoftmax(target), g.logSoftmax(likeness(embedding))));
    const divergence = g.meanAll(g.reduce('ReduceSum', gap, [-1]));
    let loss = g.add(g.scale(cosine, weights.cosine), g.scale(divergence, weights.similarity * weights.temperature));
    if (matchHidden) {
      const pool = g.input('pool', 'float32', ['T', 'T2']);
      for (const layer of hiddenLayers) {
        const states = g.matMul(pool, g.input(`hidden.${layer}`, 'float32', ['B', 'T2', a.width]));
        const error = g.sub(hidden[layer]!, states);
        const relative = g.div(g.sumAll(g.mul(error, error)), g.sumAll(g.mul(states, states)));
        loss = g.add(loss, g.scale(relative, weights.hidden / hiddenLayers.length));
      }
    } else for (const layer of hiddenLayers) g.output(`hidden.${layer}`, hidden[layer]!);
    g.output('cosine', cosine);
    return loss;
  });
}

/** Shapes of the linear classifier that labelled training adds. */
export const headShapes = (a: Architecture, classes: number): [string, number[]][] => [
  ['head.weight', [classes, a.width]],
  ['head.bias', [classes]],
];

/** Softmax cross-entropy. Inputs beside the parameters: `pixels`, `positionMap`, `labels` [B, classes], rows sum to 1. */
export function classificationGraph(a: Architecture, classes: number): TrainingGraph {
  return trainingGraph(a, headShapes(a, classes), (g, run, parameters) => {
    const { features } = run();
    const labels = g.input('labels', 'float32', ['B', classes]);
    const product = g.matMul(features, parameters('head.weight'), { transB: true });
    const logits = g.add(product, parameters('head.bias')); // [B, classes]
    const likelihood = g.reduce('ReduceSum', g.mul(g.logSoftmax(logits), labels), [-1]);
    return g.scale(g.meanAll(likelihood), -1);
  });
}

/** Parameters are inputs; `loss` records the forward pass over them by `run`. */
function trainingGraph(
  a: Architecture,
  extra: readonly [string, number[]][],
  loss: (g: Ops, run: () => ReturnType<typeof forward>, parameters: (name: string) => Tensor) => Tensor,
): TrainingGraph {
  const g = new Ops();
  const inputs = new Map<string, Tensor>();
  for (const [name, [rows, ...rest]] of [...tensorShapes(a), ...extra]) {
    const open: Dim = isNested(name) ? `${name.split('.').slice(0, 2).join('.')}.neurons` : rows!;
    inputs.set(name, g.input(name, 'float32', [open, ...rest]));
  }
  const parameters = (name: string): Tensor => inputs.get(name)!;
  const run = () => {
    const pixels = pixelInput(g, a);
    const map = g.input('positionMap', 'float32', ['T', tensorShapes(a).get('positions')![0]!]);
    return forward(g, a, plainLayers(a, parameters), pixels, g.matMul(map, parameters('positions')));
  };
  const total = loss(g, run, parameters);
  g.output('loss', total);
  const names = [...inputs.keys()];
  gradients(g, total, [...inputs.values()]).forEach((gradient, i) => g.output(gradientOf(names[i]!), gradient));
  return { model: g.encode(), parameters: names };
}
