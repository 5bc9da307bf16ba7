/** Chooses the engine that runs the encoder. */
import type { Checkpoint } from '../model/checkpoint.js';
import type { Encoder } from './encoder.js';
import { OnnxEncoder } from './onnx.js';
import { createTfjsEncoder, tfjsGpuAvailable } from './tfjs.js';

export const engines = ['auto', 'onnx', 'tfjs'] as const;
export type Engine = (typeof engines)[number];

export interface EncoderOptions {
  /** auto: tfjs where @tensorflow/tfjs-node-gpu loads and sees a GPU, else onnx */
  readonly engine?: Engine;
  /** threads of the onnx engine; one a core if undefined */
  readonly workers?: number | undefined;
}

/** @throws ENGINE_UNAVAILABLE */
export async function createEncoder(
  checkpoint: Checkpoint,
  { engine = 'auto', workers }: EncoderOptions = {},
): Promise<Encoder> {
  if (engine === 'tfjs' || (engine === 'auto' && (await tfjsGpuAvailable()))) return createTfjsEncoder(checkpoint);
  return OnnxEncoder.create(checkpoint, workers);
}
