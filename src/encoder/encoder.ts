/** The Encoder port: pixels in, embeddings out, at any operating point of one set of weights. */
import type { Architecture } from '../model/architecture.js';
import type { OperatingPoint, Precision } from '../model/operating-point.js';

export interface Encoded {
  /** [B, D], rows of unit length */
  readonly vectors: Float32Array;
  /** milliseconds between the call and the start of the computation */
  readonly waitMs: number;
  /** milliseconds of computation */
  readonly encodeMs: number;
  /** that computed it */
  readonly cores: number;
}

export interface Encoder {
  readonly architecture: Architecture;
  /** of the checkpoint: vectors of two encoders may be compared only if theirs are equal */
  readonly fingerprint: string;
  /** what runs it, for people: `onnx, 2 workers` */
  readonly engine: string;
  /** precisions it can compute; embed refuses others with OPERATING_POINT_INVALID */
  readonly precisions: readonly Precision[];
  /** calls that can be computed at the same time */
  readonly concurrency: number;
  /** cores that a call can have, if it is the only one */
  readonly cores: number;
  /**
   * @param pixels [B, R, R, 3] RGB, R = point.resolution; B follows from the length. int8 takes B = 1 only, since its
   *   scales are computed over the batch. The buffer may be transferred: do not use it afterwards.
   * @param cores that it may have, one or `this.cores`; one is what it gets while other calls are computed, since together
   *   they are done sooner then
   * @throws REQUEST_INVALID, RESOLUTION_INVALID, SUBMODEL_INVALID, OPERATING_POINT_INVALID, ENCODER_FAILED, WORKER_LOST, ENCODER_CLOSED
   */
  embed(pixels: Uint8Array, point: OperatingPoint, cores?: number): Promise<Encoded>;
  close(): Promise<void>;
}
