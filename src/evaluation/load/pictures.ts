import { join } from 'node:path';
import type { ImageIndex } from '../../corpus/image-index.js';
import { sharp } from '../../image/sharp.js';
import { random } from '../../training/random.js';
import { augment } from '../augment.js';

export interface LoadPicture {
  /** of the picture that it was made from */
  readonly id: number;
  readonly bytes: Buffer;
}

/** 640 x 480 JPEGs, augmented from pictures spread over the index. */
export async function loadPictures({ catalogue }: ImageIndex, count: number): Promise<LoadPicture[]> {
  const images = catalogue.images();
  const step = Math.max(1, Math.floor(images.length / count));
  const chosen = images.filter((_, i) => i % step === 0).slice(0, count);
  return Promise.all(
    chosen.map(async ({ id, path }) => {
      const varied = await augment(join(catalogue.root ?? '', path), random(7, id));
      return { id, bytes: await sharp(varied).resize(640, 480).jpeg({ quality: 80 }).toBuffer() };
    }),
  );
}
