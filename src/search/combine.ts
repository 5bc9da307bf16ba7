import { MatvitError } from '../errors.js';

export interface Weighted {
  /** [D], unit */
  readonly vector: Float32Array;
  /** negative for what hits should not be like */
  readonly weight: number;
}

/**
 * The query of several examples: the unit vector along their weighted sum, as in Rocchio's relevance feedback
 * (https://nlp.stanford.edu/IR-book/html/htmledition/the-rocchio71-algorithm-1.html).
 * @throws REQUEST_INVALID if they cancel each other out
 */
export function combine(examples: readonly Weighted[]): Float32Array {
  const [first] = examples;
  if (examples.length === 1 && first!.weight > 0) return first!.vector;
  const sum = new Float32Array(first!.vector.length);
  for (const { vector, weight } of examples) for (let i = 0; i < sum.length; i++) sum[i]! += weight * vector[i]!;
  const length = Math.hypot(...sum);
  if (!(length > 1e-6)) throw new MatvitError('REQUEST_INVALID', 'the examples cancel each other out');
  return sum.map(x => x / length);
}
