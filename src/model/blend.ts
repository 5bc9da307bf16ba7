import { tensorShapes } from './architecture.js';
import { type Checkpoint, makeCheckpoint } from './checkpoint.js';

/**
 * Weights between two checkpoints of one architecture, where the second was trained from the first. A little of the
 * start wins back what training forgot, often without losing what it taught (Wortsman et al. 2022, arXiv 2109.01903).
 * @param share of `start`, 0 … 1
 */
export function blend(start: Checkpoint, trained: Checkpoint, share: number): Checkpoint {
  const tensors = [...tensorShapes(trained.architecture)].map(([name, shape]) => {
    const from = start.weights.get(name)!;
    const data = trained.weights.get(name)!.map((weight, i) => (1 - share) * weight + share * from[i]!);
    return [name, { shape, data }] as const;
  });
  return makeCheckpoint(trained.architecture, new Map(tensors));
}
