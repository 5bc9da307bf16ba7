import type { Encoder } from '../encoder/encoder.js';

/**
 * An encoder for what is in no hurry: one picture of it at a time is in the workers, so that searches find the others free
 * and wait for one picture at most.
 */
export function aside(encoder: Encoder): Encoder {
  return {
    ...{ architecture: encoder.architecture, fingerprint: encoder.fingerprint, engine: encoder.engine },
    ...{ precisions: encoder.precisions, concurrency: 0 },
    async embed(pixels, point) {
      const size = 3 * point.resolution ** 2;
      const { width } = encoder.architecture;
      const vectors = new Float32Array((pixels.length / size) * width);
      let encodeMs = 0;
      for (let i = 0; i * size < pixels.length; i++) {
        const one = await encoder.embed(pixels.slice(i * size, (i + 1) * size), point);
        vectors.set(one.vectors, i * width);
        encodeMs += one.encodeMs;
      }
      return { vectors, waitMs: 0, encodeMs };
    },
    close: () => Promise.resolve(),
  };
}
