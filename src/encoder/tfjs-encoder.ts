/** The Encoder in tfjs, on whichever backend tfjs has been given: one call at a time, in order of arrival. */
import * as tf from '@tensorflow/tfjs';
import { MatvitError, reasonOf } from '../errors.js';
import { type Architecture, tensorShapes } from '../model/architecture.js';
import type { Checkpoint } from '../model/checkpoint.js';
import { type OperatingPoint, type Precision, printOperatingPoint } from '../model/operating-point.js';
import { positionsAt } from '../model/positions.js';
import { ffnWidths } from '../model/submodel.js';
import { batchSize } from './batch-size.js';
import type { Encoded, Encoder } from './encoder.js';
import { tfjsForward } from './tfjs-forward.js';

export class TfjsEncoder implements Encoder {
  readonly architecture: Architecture;
  readonly fingerprint: string;
  readonly precisions: readonly Precision[] = ['fp32'];
  readonly concurrency = 1;
  readonly cores = 1;
  private readonly weights: ReadonlyMap<string, tf.Tensor>;
  /** by resolution, [T, D] */
  private readonly positions = new Map<number, tf.Tensor>();
  private readonly stored: Float32Array;
  /** settles when the calls before have been answered */
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(
    checkpoint: Checkpoint,
    readonly engine: string,
  ) {
    const { architecture: a, weights, fingerprint } = checkpoint;
    this.architecture = a;
    this.fingerprint = fingerprint;
    this.stored = weights.get('positions')!;
    const names = [...tensorShapes(a)].filter(([name]) => name !== 'positions');
    this.weights = new Map(names.map(([name, shape]) => [name, tf.tensor(weights.get(name)!, shape)]));
  }

  async embed(pixels: Uint8Array, point: OperatingPoint): Promise<Encoded> {
    const asked = performance.now();
    if (!this.precisions.includes(point.precision))
      throw new MatvitError(
        'OPERATING_POINT_INVALID',
        `${printOperatingPoint(point)}: this engine computes ${this.precisions.join(', ')} only`,
      );
    const batch = batchSize(this.architecture, pixels, point);
    if (this.closed) throw new MatvitError('ENCODER_CLOSED', 'it was asked to embed after close');
    const answer = this.last.then(async () => {
      if (this.closed) throw new MatvitError('ENCODER_CLOSED', 'it was closed before the picture was embedded');
      const started = performance.now();
      const vectors = await this.compute(pixels, batch, point);
      return { vectors, waitMs: started - asked, encodeMs: performance.now() - started, cores: 1 };
    });
    this.last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.last; // what is being computed still reads the weights
    tf.dispose([...this.weights.values(), ...this.positions.values()]);
    this.positions.clear();
  }

  private async compute(pixels: Uint8Array, batch: number, point: OperatingPoint): Promise<Float32Array> {
    const { architecture: a, weights } = this;
    const { resolution, submodel } = point;
    try {
      const positions = this.positionsFor(resolution);
      const embedding = tf.tidy(() => {
        const input = tf.tensor(Float32Array.from(pixels), [batch, resolution, resolution, 3]);
        return tfjsForward(a, weights, ffnWidths(a, submodel), input, positions).embedding;
      });
      const vectors = await embedding.data<'float32'>().finally(() => embedding.dispose());
      return Float32Array.from(vectors); // the backend may still own what it gave
    } catch (error) {
      if (error instanceof MatvitError) throw error;
      throw new MatvitError('ENCODER_FAILED', reasonOf(error), { cause: error });
    }
  }

  private positionsFor(resolution: number): tf.Tensor {
    let tensor = this.positions.get(resolution);
    if (!tensor) {
      const rows = positionsAt(this.architecture, this.stored, resolution);
      tensor = tf.tensor(rows, [rows.length / this.architecture.width, this.architecture.width]);
      this.positions.set(resolution, tensor);
    }
    return tensor;
  }
}
