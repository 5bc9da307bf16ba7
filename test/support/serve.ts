/** Running serving graphs in this thread. */
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { createSession } from '../../src/encoder/session.js';
import { pixelShape } from '../../src/graph/forward.js';
import { staticGraph, universalGraph } from '../../src/graph/serving.js';
import type { Checkpoint } from '../../src/model/checkpoint.js';
import type { Precision } from '../../src/model/operating-point.js';
import { positionsAt } from '../../src/model/positions.js';
import type { Submodel } from '../../src/model/submodel.js';

/** [B, R, R, 3] pixels -> [B, D] embeddings */
export type Serve = (pixels: Uint8Array, resolution: number) => Promise<Float32Array>;

export async function serveStatic(model: Checkpoint, submodel: Submodel, precision: Precision): Promise<Serve> {
  const session = await createSession(staticGraph(model, submodel, precision));
  return (pixels, resolution) => run(model, session, pixels, resolution, {});
}

export async function serveUniversal(model: Checkpoint, precision: Precision): Promise<(submodel: Submodel) => Serve> {
  const session = await createSession(universalGraph(model, precision));
  const { depth } = model.architecture;
  return submodel => (pixels, resolution) =>
    run(model, session, pixels, resolution, {
      widths: new Tensor('int64', BigInt64Array.from(submodel, BigInt), [depth]),
    });
}

async function run(
  { architecture: a, weights }: Checkpoint,
  session: InferenceSession,
  pixels: Uint8Array,
  resolution: number,
  extra: Record<string, Tensor>,
): Promise<Float32Array> {
  const positions = positionsAt(a, weights.get('positions')!, resolution);
  const batch = pixels.length / (resolution * resolution * 3);
  const { embedding } = await session.run({
    pixels: new Tensor('uint8', pixels, pixelShape(a, batch, resolution)),
    positions: new Tensor('float32', positions, [positions.length / a.width, a.width]),
    ...extra,
  });
  return embedding!.data as Float32Array;
}
