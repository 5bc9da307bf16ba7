/** The losses of src/graph/training.ts, written in tfjs. */
import * as tf from '@tensorflow/tfjs';
import type { DistillationWeights } from '../../src/graph/training.js';
import type { TfjsLoss } from './training.js';

export const distillationLoss =
  ({ cosine, similarity, temperature, hidden }: DistillationWeights, matchedLayers: readonly number[]): TfjsLoss =>
  (forward, targets) => {
    const student = forward.embedding;
    const teacher = targets['teacher']!;
    const distance = tf.mean(tf.sub(1, tf.sum(tf.mul(student, teacher), -1)));
    const bank = targets['bank']!;
    const ranks = (x: tf.Tensor) =>
      tf.softmax(tf.div(tf.matMul(x as tf.Tensor2D, bank as tf.Tensor2D, false, true), temperature));
    const [wanted, found] = [ranks(teacher), ranks(student)];
    const divergence = tf.mean(tf.sum(tf.mul(wanted, tf.log(tf.div(wanted, found))), -1));
    const mismatch = matchedLayers.map(layer => {
      const states = targets[`hidden.${layer}`]!; // [B, T', D], brought to this grid picture by picture
      const target = tf.stack(tf.unstack(states).map(picture => tf.matMul(targets['pool']!, picture)));
      return tf.div(tf.sum(tf.squaredDifference(forward.hidden[layer]!, target)), tf.sum(tf.square(target)));
    });
    const matching = mismatch.reduce((sum, one) => tf.add(sum, one), tf.scalar(0));
    const share = hidden / Math.max(1, matchedLayers.length);
    return tf.add(
      tf.add(tf.mul(distance, cosine), tf.mul(divergence, similarity * temperature)),
      tf.mul(matching, share),
    );
  };

export const classificationLoss: TfjsLoss = ({ features }, targets, weights) => {
  const logits = tf.add(tf.matMul(features, weights.get('head.weight')!, false, true), weights.get('head.bias')!);
  return tf.losses.softmaxCrossEntropy(targets['labels']!, logits);
};
