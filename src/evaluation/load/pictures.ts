import type { Image } from '../../catalogue/image.js';
import type { ImageIndex } from '../../corpus/image-index.js';
import { MatvitError } from '../../errors.js';
import { sharp } from '../../image/sharp.js';
import { random } from '../../training/random.js';
import { augment } from '../augment.js';

export interface LoadPicture {
  /** of the picture that it was made from */
  readonly id: number;
  readonly bytes: Buffer;
}

/**
 * 640 x 480 JPEGs, augmented from pictures spread over the index: of those that can be read and have no copies there, which
 * every operating point would find.
 * @throws INDEX_MISSING if there are none
 */
export async function loadPictures(index: ImageIndex, count: number): Promise<LoadPicture[]> {
  const all = index.catalogue.images();
  const copies = new Map<number, number>();
  for (const { vectorId } of all) copies.set(vectorId, (copies.get(vectorId) ?? 0) + 1);
  const images = all.filter(({ vectorId }) => copies.get(vectorId) === 1);
  const step = Math.max(1, Math.floor(images.length / count));
  const chosen = images.filter((_, i) => i % step === 0).slice(0, count);
  const vary = async (image: Image): Promise<LoadPicture[]> => {
    try {
      const varied = await augment(await index.picture(image), random(7, image.id));
      return [{ id: image.id, bytes: await sharp(varied).resize(640, 480).jpeg({ quality: 80 }).toBuffer() }];
    } catch (error) {
      if (!(error instanceof MatvitError)) throw error; // it has gone, or changed
      return [];
    }
  };
  const pictures = (await Promise.all(chosen.map(vary))).flat();
  if (pictures.length === 0)
    throw new MatvitError('INDEX_MISSING', 'no picture of the index can be read; matvit index FOLDER first');
  return pictures;
}
