/** mulberry32: uniform numbers in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Unit vectors around `clusters` centres, as embeddings of a picture collection are: [count, dimension]. */
export function clusteredVectors(count: number, dimension: number, seed: number, clusters = 40): Float32Array {
  const random = seeded(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const centres = Array.from({ length: clusters }, () => Float32Array.from({ length: dimension }, normal));
  const vectors = new Float32Array(count * dimension);
  for (let row = 0; row < count; row++) {
    const centre = centres[Math.floor(random() * clusters)]!;
    vectors.set(unit(centre.map(x => x + 0.7 * normal())), row * dimension);
  }
  return vectors;
}

export function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map(x => x / length);
}

/** Row `i` of [n, dimension]. */
export function row(vectors: Float32Array, dimension: number, i: number): Float32Array {
  return vectors.subarray(i * dimension, (i + 1) * dimension);
}
