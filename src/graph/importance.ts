/** How much each hidden neuron of each FFN matters, measured on pictures, and the checkpoint with neurons in that order. */
import { type Checkpoint, makeCheckpoint } from '../model/checkpoint.js';
import { type Architecture, tensorShapes } from '../model/architecture.js';
import type { NamedTensor } from '../model/safetensors.js';
import { forward, pixelInput } from './forward.js';
import { plainLayers } from './layers.js';
import { Ops } from './ops.js';

/**
 * A graph with an output `moment.<layer>` [d_ff] a layer: the mean over tokens of the squared activation of each neuron.
 * Inputs: `pixels` and `positions`, as the serving graph's.
 */
export function activationGraph({ architecture: a, weights }: Checkpoint): Uint8Array {
  const g = new Ops();
  const shapes = tensorShapes(a);
  const parameters = (name: string) => g.initializer(name, 'float32', shapes.get(name)!, weights.get(name)!);
  const layers = plainLayers(a, parameters, (neurons, layer) =>
    g.output(`moment.${layer}`, g.reduce('ReduceMean', g.mul(neurons, neurons), [0, 1], false)),
  );
  forward(g, a, layers, pixelInput(g, a), g.input('positions', 'float32', ['T', a.width]));
  return g.encode();
}

/**
 * The same function with every FFN's neurons ordered from the one that moves the output most to the least: root mean
 * square activation times the length of its row of `down`.
 * @param moments mean squared activation, [depth][d_ff]
 */
export function orderByImportance(checkpoint: Checkpoint, moments: readonly Float32Array[]): Checkpoint {
  const { architecture: a, weights } = checkpoint;
  const tensors = new Map<string, NamedTensor>();
  for (const [name, shape] of tensorShapes(a)) tensors.set(name, { shape, data: weights.get(name)! });
  for (let layer = 0; layer < a.depth; layer++) {
    const down = weights.get(`layers.${layer}.down.weight`)!;
    const importance = Array.from(moments[layer]!, (moment, j) => {
      const row = down.subarray(j * a.width, (j + 1) * a.width);
      return moment * row.reduce((sum, w) => sum + w * w, 0);
    });
    const order = importance.map((_, j) => j).sort((p, q) => importance[q]! - importance[p]! || p - q);
    for (const part of ['up.weight', 'up.bias', 'down.weight']) {
      const name = `layers.${layer}.${part}`;
      tensors.set(name, { shape: tensors.get(name)!.shape, data: permuteRows(weights.get(name)!, order, a) });
    }
  }
  return makeCheckpoint(a, tensors);
}

function permuteRows(rows: Float32Array, order: readonly number[], a: Architecture): Float32Array {
  const length = rows.length / a.ffnWidth;
  const out = new Float32Array(rows.length);
  order.forEach((from, to) => out.set(rows.subarray(from * length, (from + 1) * length), to * length));
  return out;
}
