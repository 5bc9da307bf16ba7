/** Sessions of ONNX Runtime as we use it everywhere: one thread each, which does not spin while it waits. */
import { InferenceSession } from 'onnxruntime-node';

/**
 * @param disabledOptimizers names of ONNX Runtime's graph transformers to leave out
 */
export function createSession(
  model: Uint8Array,
  disabledOptimizers: readonly string[] = [],
): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: {
      session: { intra_op: { allow_spinning: '0' } },
      optimization: { disable_specified_optimizers: disabledOptimizers.join(';') },
    },
  });
}
