import type { Hit } from '../corpus/nearest.js';
import type { ImageIndex } from '../corpus/image-index.js';
import type { Query } from './queries.js';

/**
 * The nearest pictures to a query's vector, but for the one that the query was made from and its copies, which every
 * operating point would find.
 * @param depth how many
 */
export async function nearestOthers(
  index: ImageIndex,
  vector: Float32Array,
  { vectorId }: Query,
  depth: number,
): Promise<Hit[]> {
  const own = index.catalogue.imagesOf([vectorId]).length;
  const { hits } = await index.search(vector, { k: depth + own });
  return hits.filter(({ image }) => image.vectorId !== vectorId).slice(0, depth);
}
