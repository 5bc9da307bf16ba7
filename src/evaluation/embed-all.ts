import pMap from 'p-map';
import type { Encoder } from '../encoder/encoder.js';
import type { OperatingPoint } from '../model/operating-point.js';

/** Embeds pictures one a call, with enough calls in flight to keep decoder and encoder busy: [paths.length, D]. */
export async function embedAll(
  encoder: Encoder,
  decode: (path: string, resolution: number) => Promise<Uint8Array>,
  paths: readonly string[],
  point: OperatingPoint,
  onEach?: () => void,
): Promise<Float32Array> {
  const width = encoder.architecture.width;
  const all = new Float32Array(paths.length * width);
  const concurrency = 2 * encoder.concurrency + 2;
  await pMap(
    paths,
    async (path, i) => {
      const pixels = await decode(path, point.resolution);
      const { vectors } = await encoder.embed(pixels, point);
      all.set(vectors, i * width);
      onEach?.();
    },
    { concurrency },
  );
  return all;
}
