/** What the routes work with. */
import type { ImageLimits } from '../image/limits.js';
import type { Searcher } from '../search/searcher.js';

export interface Service {
  readonly searcher: Searcher;
  readonly limits: ImageLimits;
  /** is it about to stop? */
  stopping: boolean;
}
