import { MatvitError } from '../errors.js';
import { tensorShapes } from './architecture.js';
import { type Checkpoint, checkSameArchitecture, makeCheckpoint } from './checkpoint.js';

export interface Ingredient {
  readonly checkpoint: Checkpoint;
  /** relative to the others', above 0 */
  readonly share: number;
}

/**
 * The weighted mean of checkpoints that were trained from one another or from one start: it keeps what each learnt and
 * loses their noise (Wortsman et al. 2022, arXiv 2203.05482), and a little of the start wins back what training forgot
 * (arXiv 2109.01903).
 * @param ingredients of one architecture @throws CHECKPOINT_MISMATCH, OPTION_INVALID for shares whose sum is not finite
 */
export function average(ingredients: readonly Ingredient[]): Checkpoint {
  const { architecture, weights } = checkSameArchitecture(ingredients.map(({ checkpoint }) => checkpoint));
  const total = ingredients.reduce((sum, { share }) => sum + share, 0);
  if (!Number.isFinite(total)) throw new MatvitError('OPTION_INVALID', 'the shares add up to more than a number holds');
  const tensors = [...tensorShapes(architecture)].map(([name, shape]) => {
    const data = new Float32Array(weights.get(name)!.length);
    for (const { checkpoint, share } of ingredients)
      checkpoint.weights.get(name)!.forEach((weight, i) => (data[i]! += (share / total) * weight));
    return [name, { shape, data }] as const;
  });
  return makeCheckpoint(architecture, new Map(tensors));
}
