/** A thread of the ONNX encoder: one session a precision, and another one if its calls may have several cores. */
import { parentPort, workerData } from 'node:worker_threads';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { reasonOf } from '../errors.js';
import { lowerPriority } from '../lower-priority.js';
import { pixelShape } from '../graph/forward.js';
import type { Architecture } from '../model/architecture.js';
import { type Precision, precisions } from '../model/operating-point.js';
import { positionsAt } from '../model/positions.js';
import { createSession } from './session.js';

export interface WorkerSetup {
  readonly architecture: Architecture;
  /** the checkpoint's positions */
  readonly positions: Float32Array;
  /** the universal graph of each precision */
  readonly models: Readonly<Record<Precision, Uint8Array>>;
  /** that a call may have */
  readonly mostCores: number;
}

export interface EmbedRequest {
  readonly pixels: Uint8Array;
  readonly batch: number;
  readonly submodel: readonly number[];
  readonly resolution: number;
  readonly precision: Precision;
  readonly cores: number;
}

export type EmbedAnswer = { readonly vectors: Float32Array; readonly encodeMs: number } | { readonly error: string };

lowerPriority(10); // behind the decoders

const { architecture: a, positions, models, mostCores } = workerData as WorkerSetup;
const port = parentPort!;
/** by precision and cores; each keeps weights of its own */
const sessions = new Map<string, InferenceSession>();
for (const precision of precisions)
  for (const threads of new Set([1, mostCores]))
    // a copy, since ONNX Runtime takes no shared buffers
    sessions.set(`${precision} ${threads}`, await createSession(models[precision].slice(), { threads }));
const positionTensors = new Map<number, Tensor>();

function positionTensor(resolution: number): Tensor {
  let tensor = positionTensors.get(resolution);
  if (!tensor) {
    const rows = positionsAt(a, positions, resolution);
    tensor = new Tensor('float32', rows, [rows.length / a.width, a.width]);
    positionTensors.set(resolution, tensor);
  }
  return tensor;
}

async function embed({ pixels, batch, submodel, resolution, precision, cores }: EmbedRequest): Promise<EmbedAnswer> {
  try {
    const feeds = {
      pixels: new Tensor('uint8', pixels, pixelShape(a, batch, resolution)),
      positions: positionTensor(resolution),
      widths: new Tensor('int64', BigInt64Array.from(submodel, BigInt), [a.depth]),
    };
    const began = performance.now();
    const { embedding } = await sessions.get(`${precision} ${cores}`)!.run(feeds);
    const encodeMs = performance.now() - began;
    return { vectors: Float32Array.from(embedding!.data as Float32Array), encodeMs }; // a copy can be transferred
  } catch (error) {
    return { error: reasonOf(error) };
  }
}

port.on('message', (request: EmbedRequest | 'end') => {
  if (request === 'end') port.close();
  else
    void embed(request).then(answer => {
      port.postMessage(answer, 'vectors' in answer ? [answer.vectors.buffer as ArrayBuffer] : []);
    });
});
port.postMessage('ready');
