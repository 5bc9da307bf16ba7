/** Small pictures that are easy to tell apart: stripes of a class's direction and colour, with noise. */
import type { TrainingConfig } from '../../src/training/config.js';
import { type Pictures, tableColumns } from '../../src/training/pictures.js';
import { random } from '../../src/training/random.js';

export function stripes(count: number, classes: number, side = 20): Pictures {
  const r = random(5);
  const bytes = side * side * 3;
  const pixels = new SharedArrayBuffer(count * bytes);
  const table = new Float64Array(new SharedArrayBuffer(count * tableColumns * 8));
  for (let i = 0; i < count; i++) {
    const label = i % classes;
    const data = new Uint8Array(pixels, i * bytes, bytes);
    const phase = r.below(8);
    for (let p = 0; p < side * side; p++) {
      const along = label % 2 === 0 ? p % side : Math.floor(p / side);
      const on = (along + phase) % 8 < 4;
      for (let c = 0; c < 3; c++) data[p * 3 + c] = (on && c === label % 3 ? 200 : 40) + r.below(30);
    }
    table.set([i * bytes, side, side, 0, label], i * tableColumns);
  }
  return { pixels, table, classes: Array.from({ length: classes }, (_, i) => `class ${i}`), failed: 0 };
}

export const tinyConfig: TrainingConfig = {
  objective: 'joint',
  seed: 3,
  steps: 40,
  batch: 16,
  workers: 2,
  learningRate: 5e-3,
  warmup: 5,
  floor: 0.1,
  weightDecay: 0.01,
  clip: 1,
  averageDecay: 0.9,
  views: 256,
  augmentation: { minArea: 0.6, jitter: 0, hue: 0, mixup: 0 },
  fullResolutions: [[16, 1]],
  subResolutions: [
    [16, 1],
    [12, 1],
  ],
  fullLoss: { cosine: 1, similarity: 1 },
  subLoss: { cosine: 0.5, similarity: 1 },
  temperature: 0.1,
  bank: 64,
  hidden: 0.5,
  fullWeight: 2,
  submodel: null,
};
