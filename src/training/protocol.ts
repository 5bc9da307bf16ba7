/** What the training's main thread and its workers say to each other. */
import type { Architecture } from '../model/architecture.js';
import type { UpdateOptions } from './adamw.js';
import type { TrainingConfig } from './config.js';
import type { Layout } from './layout.js';
import type { Pictures } from './pictures.js';

export interface SharedState {
  readonly weights: SharedArrayBuffer;
  readonly firstMoment: SharedArrayBuffer;
  readonly secondMoment: SharedArrayBuffer;
  readonly average: SharedArrayBuffer;
  /** what weights decay towards; undefined: zero */
  readonly anchor: SharedArrayBuffer | undefined;
  /** one a worker */
  readonly gradients: readonly SharedArrayBuffer[];
  /** the teacher's embeddings, [views, D] float32; zeros where it has not been asked yet; empty without a teacher */
  readonly teacher: SharedArrayBuffer;
}

export interface WorkerSetup {
  readonly index: number;
  readonly architecture: Architecture;
  readonly layout: Layout;
  readonly config: TrainingConfig;
  readonly pictures: Pictures;
  readonly shared: SharedState;
  /** serving graph of the teacher at XL; distillation only */
  readonly teacherModel: Uint8Array | null;
  /** the teacher's positions at its own resolution */
  readonly teacherPositions: Float32Array | null;
}

export type WorkerRequest =
  | { readonly kind: 'gradient'; readonly step: number }
  | { readonly kind: 'sum' }
  | { readonly kind: 'update'; readonly options: UpdateOptions };

export interface PassMetrics {
  readonly submodel: string;
  readonly resolution: number;
  readonly loss: number;
  /** mean cosine distance to the teacher; distillation only */
  readonly cosine?: number;
}

/**
 * Metrics of the same passes over other views, averaged.
 * @param shares of the views that each part has; they sum to 1, and are equal by default
 */
export function averagePasses(
  parts: readonly PassMetrics[][],
  shares: readonly number[] = parts.map(() => 1 / parts.length),
): PassMetrics[] {
  const mean = (values: readonly number[]) => values.reduce((sum, value, i) => sum + shares[i]! * value, 0);
  return parts[0]!.map((pass, i) => ({
    ...pass,
    loss: mean(parts.map(passes => passes[i]!.loss)),
    ...(pass.cosine === undefined ? {} : { cosine: mean(parts.map(passes => passes[i]!.cosine!)) }),
  }));
}
