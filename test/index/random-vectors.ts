import { random } from '../../src/training/random.js';

/** Unit vectors around `clusters` centres, as embeddings of a picture collection are: [count, dimension]. */
export function clusteredVectors(count: number, dimension: number, seed: number, clusters = 40): Float32Array {
  const draw = random(seed);
  const centres = Array.from({ length: clusters }, () => Float32Array.from({ length: dimension }, () => draw.normal()));
  const vectors = new Float32Array(count * dimension);
  for (let row = 0; row < count; row++) {
    const centre = centres[draw.below(clusters)]!;
    vectors.set(unit(centre.map(x => x + 0.7 * draw.normal())), row * dimension);
  }
  return vectors;
}

export function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map(x => x / length);
}
