import { type Picture, type PictureOptions, type PictureSource, withPicture } from './open.js';

/**
 * What a picture's header says; its pixels can still be damaged. Width and height are those of the upright picture.
 * @throws FILE_UNREADABLE, IMAGE_EMPTY, IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, IMAGE_UNREADABLE
 */
export function inspect(source: PictureSource, options: PictureOptions = {}): Promise<Omit<Picture, 'image'>> {
  return withPicture(source, options, ({ format, width, height }) => ({ format, width, height }));
}
