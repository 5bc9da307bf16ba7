/** A MatViT small enough to compute in plain JavaScript, with seeded random weights, and pictures for it. */
import { type Architecture, granularityNames, tensorShapes } from '../../src/model/architecture.js';
import { type Checkpoint, makeCheckpoint } from '../../src/model/checkpoint.js';
import type { NamedTensor } from '../../src/model/safetensors.js';
import { type Submodel, parseSubmodel } from '../../src/model/submodel.js';
import { random } from '../../src/training/random.js';

export const tiny: Architecture = {
  patch: 4,
  resolution: 16,
  width: 24,
  depth: 3,
  heads: 2,
  ffnWidth: 32,
  granularities: [4, 8, 16, 32],
  epsilon: 1e-6,
};

/** Matrices keep the variance of what they multiply, and no bias or gain is trivial, so that every part shows. */
export function tinyTensors(seed = 1): Map<string, NamedTensor> {
  const r = random(seed);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, shape] of tensorShapes(tiny)) {
    const inner = name.endsWith('down.weight') ? tiny.ffnWidth : shape.at(-1)!;
    const [mean, spread] = name.includes('norm')
      ? [name.endsWith('weight') ? 1 : 0, 0.2]
      : [0, shape.length > 1 && name !== 'positions' ? 1.5 / Math.sqrt(inner) : 0.3];
    const data = Float32Array.from({ length: shape.reduce((n, m) => n * m, 1) }, () => mean + spread * r.normal());
    tensors.set(name, { shape, data });
  }
  return tensors;
}

export const tinyCheckpoint = (seed = 1): Checkpoint => makeCheckpoint(tiny, tinyTensors(seed));

export const submodel = (text: string): Submodel => parseSubmodel(tiny, text);

/** Submodels with a granularity drawn for each layer. */
export function randomMixes(seed: number, count: number, depth = tiny.depth): Submodel[] {
  const r = random(seed);
  return Array.from({ length: count }, () => Array.from({ length: depth }, () => r.below(granularityNames.length)));
}

/** [batch, resolution, resolution, 3] random bytes; the same seed and resolution begin with the same pictures */
export function tinyPixels(seed: number, batch: number, resolution: number): Uint8Array {
  const r = random(seed, resolution);
  return Uint8Array.from({ length: batch * resolution * resolution * 3 }, () => r.below(256));
}
