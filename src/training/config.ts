/** What a training run does. With the pictures it determines the run bit for bit. */
import { MatvitError } from '../errors.js';
import type { EmbeddingWeights } from '../graph/training.js';
import { type Architecture, patchCount } from '../model/architecture.js';
import { type Submodel, uniform } from '../model/submodel.js';
import type { Augmentation } from './views.js';
import { trainedMixes } from './mixes.js';
import { random } from './random.js';

export const objectives = ['distil', 'joint', 'sample', 'plain'] as const;
export type Objective = (typeof objectives)[number];

/** [resolution, relative frequency] */
export type ResolutionMix = readonly (readonly [number, number])[];

export interface TrainingConfig {
  readonly objective: Objective;
  readonly seed: number;
  readonly steps: number;
  /** views a step, over all workers */
  readonly batch: number;
  readonly workers: number;
  readonly learningRate: number;
  /** steps of linear warm-up */
  readonly warmup: number;
  /** final learning rate as a share of the peak */
  readonly floor: number;
  /** AdamW's decay: of labelled training towards zero, of distillation towards the teacher's weights */
  readonly weightDecay: number;
  /** largest L2 norm of the gradient */
  readonly clip: number;
  readonly averageDecay: number;
  /** distinct views; a run longer than that sees them again, with the teacher's embeddings remembered */
  readonly views: number;
  readonly augmentation: Augmentation;
  /** resolutions of the full model's passes, and of the others' */
  readonly fullResolutions: ResolutionMix;
  readonly subResolutions: ResolutionMix;
  /** loss weights of the full model, and of the others: of those, the nearer to the teacher do not rank better */
  readonly fullLoss: EmbeddingWeights;
  readonly subLoss: EmbeddingWeights;
  /** of the softmax over a view's similarities to the `bank` views before it */
  readonly temperature: number;
  readonly bank: number;
  /** weight of the hidden states in the others' loss */
  readonly hidden: number;
  /** distillation: of the full model's loss in the step's */
  readonly fullWeight: number;
  /** `plain`: the one submodel trained */
  readonly submodel: Submodel | null;
}

/** most that the teacher's embeddings of all views may take, bytes: less than what an array can hold */
const maxTeacherBytes = 2 ** 32;

/** @throws OPTION_INVALID, RESOLUTION_INVALID */
export function checkConfig(a: Architecture, config: TrainingConfig): void {
  const { objective, batch, workers, views, learningRate, fullResolutions, subResolutions } = config;
  const refuse = (reason: string) => {
    throw new MatvitError('OPTION_INVALID', reason);
  };
  if (batch % workers !== 0) refuse(`a batch of ${batch} cannot be shared by ${workers} workers`);
  if (views < batch) refuse(`a batch of ${batch} needs as many views, not ${views}`);
  const most = Math.floor(maxTeacherBytes / (4 * a.width));
  if (objective === 'distil' && views > most)
    refuse(`${views} views are more than the ${most} whose embeddings can be kept`);
  if (!(learningRate > 0)) refuse(`a learning rate is above 0, not ${learningRate}`);
  for (const [resolution] of [...fullResolutions, ...subResolutions]) patchCount(a, resolution);
}

export interface Pass {
  readonly submodel: Submodel;
  readonly resolution: number;
  /** of its loss in the step's */
  readonly weight: number;
}

/** The passes of each step, a function of the step alone. */
export function planner(a: Architecture, config: TrainingConfig): (step: number) => Pass[] {
  const [S, M, L, XL] = (['S', 'M', 'L', 'XL'] as const).map(name => uniform(a, name)) as [
    Submodel,
    Submodel,
    Submodel,
    Submodel,
  ];
  const mixes = trainedMixes(a);
  const draw = (mix: ResolutionMix, at: number): number => {
    let left = at * mix.reduce((sum, [, weight]) => sum + weight, 0);
    return (mix.find(([, weight]) => (left -= weight) < 0) ?? mix.at(-1)!)[0];
  };
  return step => {
    const r = random(config.seed, 1, step);
    const full = () => draw(config.fullResolutions, r.next());
    const sub = () => draw(config.subResolutions, r.next());
    switch (config.objective) {
      case 'distil': {
        // After the sandwich rule, which wants the largest, the smallest and one between in every step (Yu and Huang 2019,
        // arXiv 1903.05134). The smallest need not be: its neurons are in every submodel.
        const granularity = [S, M, L][r.below(3)]!;
        const mix = mixes[r.below(mixes.length)]!;
        return [
          { submodel: XL, resolution: full(), weight: config.fullWeight },
          { submodel: granularity, resolution: sub(), weight: 1 },
          { submodel: mix, resolution: sub(), weight: 1 },
        ];
      }
      case 'joint':
        return [XL, L, M, S].map(submodel => ({ submodel, resolution: full(), weight: 1 }));
      case 'sample':
        return [{ submodel: [S, M, L, XL][r.below(4)]!, resolution: full(), weight: 1 }];
      case 'plain':
        return [{ submodel: config.submodel ?? XL, resolution: full(), weight: 1 }];
    }
  };
}
