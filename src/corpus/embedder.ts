/** Pictures one by one in, batches through the encoder. */
import type { Encoder } from '../encoder/encoder.js';
import type { OperatingPoint } from '../model/operating-point.js';

const maxBatch = 8;

interface Waiting {
  readonly pixels: Uint8Array;
  readonly resolve: (vector: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Keeps one more call to the encoder under way than it computes at a time, so that it never waits for the next, and
 * puts the pictures that queue up meanwhile into it together.
 */
export class Embedder {
  /** pictures that can be inside the encoder at the same time */
  readonly capacity: number;
  private readonly queue: Waiting[] = [];
  private free: number;

  constructor(
    private readonly encoder: Encoder,
    private readonly point: OperatingPoint,
  ) {
    this.free = encoder.concurrency + 1;
    this.capacity = this.free * maxBatch;
  }

  /** @param pixels [R, R, 3] of one picture @returns [D], unit @throws what Encoder.embed does */
  embed(pixels: Uint8Array): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      this.queue.push({ pixels, resolve, reject });
      this.dispatch();
    });
  }

  private dispatch(): void {
    while (this.free > 0 && this.queue.length > 0) void this.run(this.queue.splice(0, maxBatch));
  }

  private async run(batch: readonly Waiting[]): Promise<void> {
    this.free--;
    const side = batch[0]!.pixels.length;
    const pixels = new Uint8Array(batch.length * side);
    batch.forEach((picture, i) => pixels.set(picture.pixels, i * side));
    try {
      const { vectors } = await this.encoder.embed(pixels, this.point);
      const dimension = vectors.length / batch.length;
      batch.forEach(({ resolve }, i) => resolve(vectors.slice(i * dimension, (i + 1) * dimension)));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.free++;
    this.dispatch();
  }
}
