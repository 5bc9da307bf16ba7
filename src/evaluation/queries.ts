import type { ImageIndex } from '../corpus/image-index.js';
import { MatvitError } from '../errors.js';
import { random } from '../training/random.js';
import { augment } from './augment.js';

/** A picture to search with. */
export interface Query {
  /** of the picture that it was made from */
  readonly id: number;
  /** of that picture and of its copies */
  readonly vectorId: number;
  readonly bytes: Buffer;
}

/**
 * Augmented pictures of an index, drawn at random, no two of them copies of one another.
 * @throws INDEX_MISSING if it has fewer than two that can be read
 */
export async function queriesOf(
  index: ImageIndex,
  count: number,
  seed: number,
  onProgress: (done: number, total: number) => void,
): Promise<Query[]> {
  const images = index.catalogue.images();
  const draw = random(seed);
  for (let i = images.length - 1; i > 0; i--) {
    const j = draw.below(i + 1);
    [images[i], images[j]] = [images[j]!, images[i]!];
  }
  const queries: Query[] = [];
  const seen = new Set<number>();
  for (const image of images) {
    if (queries.length === count) break;
    const { id, vectorId } = image;
    if (seen.has(vectorId)) continue;
    try {
      queries.push({ id, vectorId, bytes: await augment(await index.picture(image), random(seed, id)) });
      seen.add(vectorId);
    } catch (error) {
      if (!(error instanceof MatvitError)) throw error; // a picture that has gone, or changed
    }
    onProgress(queries.length, Math.min(count, images.length));
  }
  if (queries.length < 2)
    throw new MatvitError(
      'INDEX_MISSING',
      'fewer than two different pictures of the index can be read; matvit index FOLDER first',
    );
  return queries;
}
