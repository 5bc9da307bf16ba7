/**
 * The GPU engine: tfjs on @tensorflow/tfjs-node-gpu, an optional package that registers its backend with the same tfjs
 * when it is imported. tfjs is loaded only when it is asked for, so that the other engine does not pay for it.
 */
import { MatvitError, reasonOf } from '../errors.js';
import type { Checkpoint } from '../model/checkpoint.js';
import type { Encoder } from './encoder.js';

const gpuPackage: string = '@tensorflow/tfjs-node-gpu'; // as a string, or tsc would want the package to be there

export interface TfjsOptions {
  /** `tensorflow` is tfjs-node-gpu's; `cpu` is plain JavaScript, thirty times slower than onnx, for tests */
  readonly backend?: 'tensorflow' | 'cpu';
}

/** @throws ENGINE_UNAVAILABLE where @tensorflow/tfjs-node-gpu cannot be loaded */
export async function createTfjsEncoder(
  checkpoint: Checkpoint,
  { backend = 'tensorflow' }: TfjsOptions = {},
): Promise<Encoder> {
  const device = backend === 'cpu' ? 'plain JavaScript' : (await loadTensorflow()) ? 'GPU' : 'CPU';
  const tf = await import('@tensorflow/tfjs');
  tf.enableProdMode(); // without its advice on the console
  if (!(await tf.setBackend(backend)))
    throw new MatvitError('ENGINE_UNAVAILABLE', `tfjs cannot start its ${backend} backend`);
  const { TfjsEncoder } = await import('./tfjs-encoder.js');
  return new TfjsEncoder(checkpoint, `tfjs, ${device}`);
}

/** Does @tensorflow/tfjs-node-gpu load and see a GPU? */
export async function tfjsGpuAvailable(): Promise<boolean> {
  return loadTensorflow().catch(() => false);
}

/** @returns whether it computes on a GPU @throws ENGINE_UNAVAILABLE */
async function loadTensorflow(): Promise<boolean> {
  // Tensor cores round fp32 factors to 10 bits (TF32) unless told otherwise, and vectors must agree between engines.
  process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  try {
    await import(gpuPackage);
    const tf = await import('@tensorflow/tfjs');
    const backend = tf.findBackend('tensorflow') as { isUsingGpuDevice?: boolean } | null;
    return backend?.isUsingGpuDevice === true;
  } catch (error) {
    throw new MatvitError('ENGINE_UNAVAILABLE', `${gpuPackage}: ${reasonOf(error)}`, { cause: error });
  }
}
