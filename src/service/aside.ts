import { batchSize } from '../encoder/batch-size.js';
import type { Encoder } from '../encoder/encoder.js';
import { withSecondTry } from '../encoder/second-try.js';

/**
 * An encoder for what is in no hurry: one picture of it at a time is in the workers, so that searches find the others free
 * and wait for one picture at most.
 */
export function aside(encoder: Encoder): Encoder {
  return {
    ...{ architecture: encoder.architecture, fingerprint: encoder.fingerprint, engine: encoder.engine },
    ...{ precisions: encoder.precisions, concurrency: 0, cores: 1 },
    async embed(pixels, point) {
      const batch = batchSize(encoder.architecture, pixels, point);
      const size = pixels.length / batch;
      const { width } = encoder.architecture;
      const vectors = new Float32Array(batch * width);
      let encodeMs = 0;
      for (let i = 0; i < batch; i++) {
        const one = await withSecondTry(() => encoder.embed(pixels.slice(i * size, (i + 1) * size), point));
        vectors.set(one.vectors, i * width);
        encodeMs += one.encodeMs;
      }
      return { vectors, waitMs: 0, encodeMs, cores: 1 };
    },
    close: () => Promise.resolve(),
  };
}
