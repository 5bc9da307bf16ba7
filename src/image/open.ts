import { MatvitError, reasonOf } from '../errors.js';
import { type PictureFormat, frameOf, sniffFormat } from './format.js';
import { defaultLimits, type ImageLimits } from './limits.js';
import { pictureError } from './picture-error.js';
import { checkBytes, readPicture } from './read.js';
import { type Sharp, sharp } from './sharp.js';

/** A path, or the bytes themselves: nobody may write to them before the work on them is done. */
export type PictureSource = string | Uint8Array;

export interface PictureOptions {
  readonly limits?: ImageLimits;
  /** what errors call the picture; the path by default, or 'the upload' */
  readonly name?: string;
}

export interface Picture {
  /** yields 8-bit sRGB, upright; nothing but the header has been decoded yet */
  readonly image: Sharp;
  /** the longer side over the shorter one */
  readonly elongation: number;
  /** Upright, in pixels. Of a baseline JPEG libvips has to be asked, which takes a tenth of what making it small does. */
  readonly size: () => Promise<Size>;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Opens a picture, lets `use` work on it and turns whatever libvips throws on the way into our errors.
 * @throws FILE_UNREADABLE, IMAGE_EMPTY, IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, IMAGE_UNREADABLE, DECODER_EXHAUSTED
 */
export async function withPicture<T>(
  source: PictureSource,
  options: PictureOptions,
  use: (picture: Picture) => T | Promise<T>,
): Promise<T> {
  const { limits = defaultLimits, name = typeof source === 'string' ? source : 'the upload' } = options;
  const bytes = typeof source === 'string' ? await readPicture(source, { limits, name }) : source;
  if (bytes.length === 0) throw pictureError('IMAGE_EMPTY', name, 'zero bytes');
  checkBytes(bytes.length, limits, name);
  const format = sniffFormat(bytes);
  if (!format) throw pictureError('IMAGE_UNSUPPORTED', name, 'not a JPEG, PNG, WebP, AVIF, GIF or TIFF');
  try {
    const image = sharp(bytes, {
      autoOrient: true,
      limitInputPixels: limits.maxPixels,
      // 'truncated' would let damaged TIFFs pass; 'warning' would refuse photos that every viewer shows: cameras pad
      // their JPEGs, write odd scan headers, and add TIFF tags that libtiff has never heard of.
      failOn: 'error',
    });
    const frame = format === 'jpeg' ? frameOf(bytes) : undefined;
    if (frame && !frame.isProgressive)
      return await use({
        image,
        elongation: elongationOf(frame),
        size: async () => (await image.metadata()).autoOrient,
      });
    const { autoOrient, space } = await image.metadata();
    const { maxPixels, maxWholePixels = maxPixels } = limits;
    if (autoOrient.width * autoOrient.height > maxWholePixels)
      throw tooManyPixels(name, maxWholePixels, ' in a file that is decoded whole');
    // By itself sharp turns 16-bit pictures that carry a colour profile into Display P3 and calls the result sRGB.
    if (space === 'rgb16') image.pipelineColourspace('srgb');
    return await use({ image, elongation: elongationOf(autoOrient), size: () => Promise.resolve(autoOrient) });
  } catch (error) {
    throw error instanceof MatvitError ? error : decodingError(name, format, limits, error);
  }
}

const elongationOf = ({ width, height }: Size) => Math.max(width, height) / Math.min(width, height);

/**
 * What sharp threw as one of our errors. Only sharp's own messages and memory are told apart: libvips has one log for all
 * threads, so what it says of a picture may be about another one that was being decoded at the same time. It is kept as cause.
 */
function decodingError(name: string, format: PictureFormat, { maxPixels }: ImageLimits, cause: unknown): MatvitError {
  const message = reasonOf(cause);
  if (message === 'Input image exceeds pixel limit') return tooManyPixels(name, maxPixels, '', cause);
  if (message === 'Input image exceeds channel limit')
    return pictureError('IMAGE_UNSUPPORTED', name, 'more than 5 channels', cause);
  // said wrongly, it is tried once more; unsaid, an index would lose a picture that was changed in a moment without memory
  if (/insufficient memory|out of memory|memory allocation(?!.*security)|unable to create thread/i.test(message))
    return pictureError('DECODER_EXHAUSTED', name, 'libvips has no more', cause);
  return pictureError('IMAGE_UNREADABLE', name, `a damaged, incomplete or unusual ${format.toUpperCase()}`, cause);
}

/** @param note whatever else there is to say of the limit */
const tooManyPixels = (name: string, limit: number, note: string, cause?: unknown) =>
  pictureError('IMAGE_TOO_LARGE', name, `more than ${limit / 1e6} megapixels${note}`, cause);
