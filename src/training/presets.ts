/** Settings to start from, one for each purpose; docs/training.md has the figures behind them. */
import { type Architecture, wholePatches } from '../model/architecture.js';
import type { Submodel } from '../model/submodel.js';
import type { Objective, ResolutionMix, TrainingConfig } from './config.js';

/** Resolution of labelled training unless told otherwise, pixels, or the nearest of whole patches. */
export const labelledResolution = 64;

const distil: TrainingConfig = {
  objective: 'distil',
  seed: 1,
  steps: 4300,
  batch: 32,
  workers: 2,
  learningRate: 1.5e-4,
  warmup: 200,
  floor: 0.02,
  weightDecay: 0.5,
  clip: 1,
  averageDecay: 0.999,
  views: 60_000,
  augmentation: { minArea: 0.3, jitter: 0.2, hue: 0.3, mixup: 0.15 },
  fullResolutions: [[96, 2], [112, 2.5], [128, 1], [160, 1.5], [224, 1.5]], // prettier-ignore
  subResolutions: [[96, 1.5], [112, 2.5], [128, 1], [160, 2], [224, 1.5]], // prettier-ignore
  fullLoss: { cosine: 1, similarity: 2 },
  subLoss: { cosine: 0.25, similarity: 3 },
  temperature: 0.1,
  bank: 2048,
  hidden: 0.5,
  fullWeight: 2,
  submodel: null,
};

/**
 * Gentle and short: the encoder is nested already and keeps what it knows. Mostly low resolutions, which train four times
 * faster; the full model's passes anchor it to the teacher, so they see its own more often.
 */
const adapt: TrainingConfig = {
  ...distil,
  augmentation: { ...distil.augmentation, hue: 0 },
  fullResolutions: [[96, 4], [112, 3], [128, 2], [160, 1.5], [224, 1.5]], // prettier-ignore
  subResolutions: [[96, 4], [112, 3], [128, 2], [160, 0.6], [224, 0.4]], // prettier-ignore
  steps: 180,
  learningRate: 5e-5,
  warmup: 30,
  views: 6000,
};

/** @see withGiven for its views */
const labelled = (resolution: number): TrainingConfig => ({
  ...distil,
  learningRate: 1e-3,
  warmup: 500,
  weightDecay: 0.05,
  batch: 64,
  augmentation: { minArea: 0.4, jitter: 0.2, hue: 0, mixup: 0.2 },
  fullResolutions: [[resolution, 1]],
  subResolutions: [[resolution, 1]],
});

/** The mixes are for an encoder of 224 pixels; for others, the same shares of its own, to the nearest multiple of the patch. */
function fitTo(a: Architecture, config: TrainingConfig): TrainingConfig {
  const fit = (mix: ResolutionMix): ResolutionMix =>
    mix.map(([resolution, frequency]) => [wholePatches(a, (resolution * a.resolution) / 224), frequency]);
  return { ...config, fullResolutions: fit(config.fullResolutions), subResolutions: fit(config.subResolutions) };
}

/** @param labels of labelled training: its one resolution, as labelledResolution says by default, and the one submodel of `plain`, XL by default */
export function preset(
  a: Architecture,
  purpose: Objective | 'adapt',
  labels: { readonly resolution?: number | undefined; readonly submodel?: Submodel | null } = {},
): TrainingConfig {
  if (purpose === 'distil') return fitTo(a, distil);
  if (purpose === 'adapt') return fitTo(a, adapt);
  const { resolution = wholePatches(a, labelledResolution), submodel = null } = labels;
  return withGiven({ ...labelled(resolution), objective: purpose, submodel }, {});
}

/**
 * A preset with what was given in its place. Labelled training sees no view twice unless `views` is given: it has no
 * teacher whose embeddings take memory.
 */
export function withGiven(config: TrainingConfig, given: Partial<TrainingConfig>): TrainingConfig {
  const { steps, batch } = { ...config, ...given };
  const views = config.objective === 'distil' ? config.views : steps * batch;
  return { ...config, views, ...given };
}

/** Short side of the pictures in memory, pixels: room for crops around what the encoder sees. */
export const sideFor = ({ resolution }: Architecture): number => Math.round((resolution * 8) / 7);

/** As many workers as there are cores, or the most below that share a batch evenly. */
export function workersFor(batch: number, cores: number): number {
  let workers = Math.min(batch, cores);
  while (batch % workers !== 0) workers--;
  return workers;
}
