/**
 * AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) over a range of flat parameters, and their moving average. Decay
 * is towards an anchor: zero, or the weights that a fine-tuned model should stay near (L2-SP, arXiv 1802.01483).
 */
import type { Range } from './arrays.js';
import type { Layout } from './layout.js';

export interface OptimizerState {
  readonly weights: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** exponential moving average of the weights */
  readonly average: Float32Array;
}

export interface UpdateOptions {
  /** counted from 1 */
  readonly step: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  /** factor on the gradient, from clipping */
  readonly gradientScale: number;
  readonly averageDecay: number;
}

const beta1 = 0.9;
const beta2 = 0.999;
const epsilon = 1e-8;

/**
 * Updates parameters [from, to) in place.
 * @param anchor what weights decay towards, every one of them; undefined: matrices towards zero
 */
export function adamw(
  layout: Layout,
  state: OptimizerState,
  gradient: Float32Array,
  anchor: Float32Array | undefined,
  [from, to]: Range,
  options: UpdateOptions,
): void {
  const { weights, firstMoment, secondMoment, average } = state;
  const { step, learningRate, weightDecay, gradientScale } = options;
  const rate = learningRate / (1 - beta1 ** step);
  const correction = 1 / (1 - beta2 ** step);
  const keep = Math.min(options.averageDecay, (1 + step) / (10 + step)); // young averages forget faster
  for (const entry of layout.entries.values()) {
    const end = Math.min(to, entry.offset + entry.length);
    const decay = anchor || entry.decays ? learningRate * weightDecay : 0;
    for (let i = Math.max(from, entry.offset); i < end; i++) {
      const g = gradient[i]! * gradientScale;
      const m = (firstMoment[i] = beta1 * firstMoment[i]! + (1 - beta1) * g);
      const v = (secondMoment[i] = beta2 * secondMoment[i]! + (1 - beta2) * g * g);
      // what no pass of the step has used has no gradient at all, and does not decay either
      const decayed = g === 0 ? weights[i]! : weights[i]! + decay * ((anchor ? anchor[i]! : 0) - weights[i]!);
      const w = (weights[i] = decayed - (rate * m) / (Math.sqrt(v * correction) + epsilon));
      average[i] = keep * average[i]! + (1 - keep) * w;
    }
  }
}

/** Linear warm-up, a quarter of all steps at most, then a cosine down to `floor` times the peak. */
export function learningRateAt(
  step: number,
  { peak, steps, floor, ...rest }: { peak: number; warmup: number; steps: number; floor: number },
): number {
  const warmup = Math.min(rest.warmup, Math.ceil(steps / 4));
  if (step < warmup) return (peak * (step + 1)) / warmup;
  const progress = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
  return peak * (floor + ((1 - floor) * (1 + Math.cos(Math.PI * progress))) / 2);
}
