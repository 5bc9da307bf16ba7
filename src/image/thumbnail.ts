import { type PictureOptions, type PictureSource, withPicture } from './open.js';

export interface ThumbnailOptions extends PictureOptions {
  /** of the longer side, in pixels; smaller pictures keep their size */
  readonly size: number;
  /** WebP and AVIF keep transparency, JPEG puts it onto white */
  readonly format: 'webp' | 'avif' | 'jpeg';
}

/**
 * A small upright copy in sRGB without the original's metadata (its place and its camera among them).
 * @throws FILE_UNREADABLE, IMAGE_EMPTY, IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, IMAGE_UNREADABLE
 */
export function thumbnail(source: PictureSource, { size, format, ...options }: ThumbnailOptions): Promise<Buffer> {
  return withPicture(source, options, ({ image }) => {
    image.resize(size, size, { fit: 'inside', withoutEnlargement: true });
    if (format === 'webp') return image.webp().toBuffer();
    if (format === 'avif') return image.avif({ effort: 2 }).toBuffer();
    return image.flatten({ background: 'white' }).jpeg().toBuffer();
  });
}
