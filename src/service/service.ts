/** What the routes work with. */
import type { Image } from '../catalogue/image.js';
import type { ImageLimits } from '../image/limits.js';
import type { Searcher } from '../search/searcher.js';

export interface Service {
  readonly searcher: Searcher;
  readonly limits: ImageLimits;
  /** a catalogue row, by id */
  image(id: number): Image | undefined;
  /** pictures that can be found */
  size(): number;
  /** absolute path of a picture of the catalogue */
  fileOf(image: Image): string;
  /** is it about to stop? */
  stopping: boolean;
}
