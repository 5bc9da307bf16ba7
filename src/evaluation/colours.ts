/** An Encoder without weights: mean colours over a 4 x 4 grid, centred, of unit length. Equal pictures, equal vectors. */
import { setTimeout as sleep } from 'node:timers/promises';
import { batchSize } from '../encoder/batch-size.js';
import type { Encoded, Encoder } from '../encoder/encoder.js';
import type { Architecture } from '../model/architecture.js';
import type { OperatingPoint } from '../model/operating-point.js';
import { sharp } from '../image/sharp.js';
import { random } from '../training/random.js';

const grid = 4;
const side = 32;

/** A picture of 4 x 4 coloured fields, the same for the same seed. */
export async function colourPicture(seed: number, format: 'jpeg' | 'png' | 'webp' = 'png'): Promise<Buffer> {
  const numbers = random(seed);
  const raw = Uint8Array.from({ length: grid * grid * 3 }, () => numbers.below(256));
  const fields = sharp(raw, { raw: { width: grid, height: grid, channels: 3 } });
  return fields.resize(40, 40, { kernel: 'nearest' }).toFormat(format).toBuffer();
}

export class ColourEncoder implements Encoder {
  readonly architecture: Architecture = {
    ...{ patch: 8, resolution: side, width: grid * grid * 3, depth: 1, heads: 1 },
    ...{ ffnWidth: 8, granularities: [1, 2, 4, 8], epsilon: 1e-6 },
  };
  readonly fingerprint = 'colour'.padEnd(64, '0');
  readonly engine = 'mean colours';
  readonly concurrency = 2;
  readonly cores = 1;
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
    const count = batchSize(this.architecture, pixels, point);
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
    return { vectors, waitMs: 0, encodeMs: this.milliseconds * count, cores: 1 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const { fingerprint, architecture } = new ColourEncoder();
/** What an index of its vectors is opened for. */
export const colourModel = { fingerprint, dimension: architecture.width };
