/** Random weights, as ViTs start from: normal with deviation 0.02, norms at one, biases at zero. */
import { type Architecture, tensorShapes } from '../model/architecture.js';
import { type Checkpoint, makeCheckpoint } from '../model/checkpoint.js';
import type { NamedTensor } from '../model/safetensors.js';
import { random } from './random.js';

export function initialise(a: Architecture, seed: number): Checkpoint {
  const r = random(seed);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, shape] of tensorShapes(a)) {
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
    if (/norm\d?\.weight$/.test(name)) data.fill(1);
    else if (shape.length > 1) data.forEach((_, i) => (data[i] = 0.02 * r.normal()));
    tensors.set(name, { shape, data });
  }
  return makeCheckpoint(a, tensors);
}
