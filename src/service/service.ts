/** What the routes work with. */
import { type ImageLimits, defaultLimits } from '../image/limits.js';
import type { Searcher } from '../search/searcher.js';
import { Metrics } from './metrics.js';

export interface ServiceOptions {
  readonly limits?: ImageLimits;
  /** latency budget of searches that bring none, milliseconds; without it they have none */
  readonly budgetMs?: number | undefined;
}

export interface Service {
  readonly searcher: Searcher;
  readonly limits: ImageLimits;
  readonly budgetMs: number | undefined;
  readonly metrics: Metrics;
  /** is it about to stop? */
  stopping: boolean;
}

export function createService(searcher: Searcher, { limits = defaultLimits, budgetMs }: ServiceOptions = {}): Service {
  return { searcher, limits, budgetMs, metrics: new Metrics(searcher), stopping: false };
}
