/** The non-decreasing mixes: most may be drawn in training, the rest are left out, to see how untrained ones do. */
import type { Architecture } from '../model/architecture.js';
import { type Submodel, nonDecreasing } from '../model/submodel.js';

const isLeftOut = (_: Submodel, i: number): boolean => i % 5 === 2;

export const trainedMixes = (a: Architecture): Submodel[] =>
  [...nonDecreasing(a)].filter((mix, i) => !isLeftOut(mix, i));

/** A fifth of the lattice, none of them uniform. */
export const untrainedMixes = (a: Architecture): Submodel[] =>
  [...nonDecreasing(a)].filter((mix, i) => isLeftOut(mix, i) && new Set(mix).size > 1);
