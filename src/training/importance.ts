/** Orders the neurons of a plain ViT by their importance on sample pictures. */
import { Tensor } from 'onnxruntime-node';
import { createSession } from '../encoder/session.js';
import { pixelShape } from '../graph/forward.js';
import { activationGraph, orderByImportance } from '../graph/importance.js';
import type { Checkpoint } from '../model/checkpoint.js';
import type { Pictures } from './pictures.js';
import { Views } from './views.js';

const batch = 8;

/** @param samples views of the pictures to look at; a few hundred are enough */
export async function orderNeurons(
  checkpoint: Checkpoint,
  pictures: Pictures,
  samples: number,
  onProgress?: (done: number) => void,
): Promise<Checkpoint> {
  const a = checkpoint.architecture;
  const views = new Views(pictures, { minArea: 0.5, jitter: 0, hue: 0, mixup: 0 }, 1);
  const session = await createSession(activationGraph(checkpoint));
  const stored = checkpoint.weights.get('positions')!;
  const positions = new Tensor('float32', stored, [stored.length / a.width, a.width]);
  const moments = Array.from({ length: a.depth }, () => new Float32Array(a.ffnWidth));
  const side = a.resolution;
  for (let at = 0; at < samples; at += batch) {
    const size = Math.min(batch, samples - at);
    const pixels = await views.renderAll(
      Array.from({ length: size }, (_, i) => at + i),
      side,
    );
    const outputs = await session.run({ pixels: new Tensor('uint8', pixels, pixelShape(a, size, side)), positions });
    moments.forEach((sum, layer) => {
      const part = outputs[`moment.${layer}`]!.data as Float32Array;
      for (let j = 0; j < sum.length; j++) sum[j]! += (size / samples) * part[j]!;
    });
    onProgress?.(at + size);
  }
  return orderByImportance(checkpoint, moments);
}
