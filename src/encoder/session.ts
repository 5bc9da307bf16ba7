/** Sessions of ONNX Runtime as we use it everywhere. */
import './no-telemetry.js';
import { InferenceSession } from 'onnxruntime-node';

export interface SessionOptions {
  /**
   * One by default, which does not spin while it waits. Several spin, but only while they compute: there are some hundred
   * products in a forward pass, and waking a thread for its part of each takes as long as a small part.
   */
  readonly threads?: number;
  /** names of ONNX Runtime's graph transformers to leave out */
  readonly disabledOptimizers?: readonly string[];
}

export function createSession(
  model: Uint8Array,
  { threads = 1, disabledOptimizers = [] }: SessionOptions = {},
): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: {
      session: { intra_op: { allow_spinning: threads > 1 ? '1' : '0' }, force_spinning_stop: '1' },
      optimization: { disable_specified_optimizers: disabledOptimizers.join(';') },
    },
  });
}
