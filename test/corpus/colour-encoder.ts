/** An Encoder without weights: mean colours over a 4 x 4 grid, centred, of unit length. Equal pictures, equal vectors. */
import { setTimeout as sleep } from 'node:timers/promises';
import { batchSize } from '../../src/encoder/batch-size.js';
import type { Encoded, Encoder } from '../../src/encoder/encoder.js';
import type { Architecture } from '../../src/model/architecture.js';
import type { OperatingPoint } from '../../src/model/operating-point.js';

const grid = 4;

export class ColourEncoder implements Encoder {
  readonly architecture: Architecture = {
    ...{ patch: 8, resolution: 32, width: grid * grid * 3, depth: 1, heads: 1 },
    ...{ ffnWidth: 8, granularities: [1, 2, 4, 8], epsilon: 1e-6 },
  };
  readonly fingerprint = 'colour'.padEnd(64, '0');
  readonly engine = 'mean colours';
  readonly concurrency = 2;
  readonly precisions = ['fp32'] as const;
  /** pictures encoded */
  pictures = 0;
  /** most calls under way at the same time */
  mostCalls = 0;
  mostPictures = 0;
  private calls = 0;

  /** @param milliseconds that a picture takes */
  constructor(private readonly milliseconds = 0) {}

  async embed(pixels: Uint8Array, point: OperatingPoint): Promise<Encoded> {
    const count = batchSize(pixels, point);
    this.mostCalls = Math.max(this.mostCalls, ++this.calls);
    this.mostPictures = Math.max(this.mostPictures, count);
    await sleep(this.milliseconds * count);
    const d = this.architecture.width;
    const vectors = new Float32Array(count * d);
    const side = point.resolution;
    for (let i = 0; i < count; i++) {
      const cells = new Float64Array(d);
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++)
          for (let c = 0; c < 3; c++) {
            const cell = Math.floor((y * grid) / side) * grid + Math.floor((x * grid) / side);
            cells[cell * 3 + c]! += pixels[((i * side + y) * side + x) * 3 + c]! - 127.3;
          }
      const length = Math.hypot(...cells);
      vectors.set(
        cells.map(x => x / length),
        i * d,
      );
    }
    this.pictures += count;
    this.calls--;
    return { vectors, waitMs: 0, encodeMs: this.milliseconds * count };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
