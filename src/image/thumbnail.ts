import { type PictureOptions, type PictureSource, withPicture } from './open.js';

export interface ThumbnailOptions extends PictureOptions {
  /** of the longer side, in pixels; smaller pictures keep their size */
  readonly size: number;
  /** both keep transparency */
  readonly format: 'webp' | 'avif';
}

/**
 * A small upright copy in sRGB without the original's metadata (its place and its camera among them).
 * @throws FILE_UNREADABLE, IMAGE_EMPTY, IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, IMAGE_UNREADABLE,
 *   DECODER_EXHAUSTED
 */
export function thumbnail(source: PictureSource, { size, format, ...options }: ThumbnailOptions): Promise<Buffer> {
  return withPicture(source, options, ({ image }) => {
    image.resize(size, size, { fit: 'inside', withoutEnlargement: true });
    return (format === 'webp' ? image.webp() : image.avif({ effort: 2 })).toBuffer();
  });
}
