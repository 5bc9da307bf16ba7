import { type PictureOptions, type PictureSource, withPicture } from './open.js';

/**
 * From this ratio of its sides on, a picture is cropped before it is resized and not after. sharp turns a picture
 * upright between the two and holds all of it then: making 65,000 x 1 pixels 112 high took 28 s for 2.4 GB of pixels.
 */
const elongated = 16;

/**
 * A picture as the encoder takes it: upright, on white, its short side resized to `resolution` (bicubic), its centre
 * cropped, the first frame if it has several.
 * @returns uint8 [resolution, resolution, 3], RGB, alone in its ArrayBuffer and so fit to be transferred
 * @throws FILE_UNREADABLE, IMAGE_EMPTY, IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, IMAGE_UNREADABLE
 */
export function decode(
  source: PictureSource,
  resolution: number,
  options: PictureOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return withPicture(source, options, async ({ image, width, height }) => {
    const side = Math.min(width, height);
    if (Math.max(width, height) > elongated * side)
      image.extract({ left: (width - side) >> 1, top: (height - side) >> 1, width: side, height: side });
    const { data } = await image
      .resize(resolution, resolution, { kernel: 'cubic' }) // fit: cover, position: centre
      .flatten({ background: 'white' })
      .raw()
      .toUint8Array();
    return new Uint8Array(data.buffer as ArrayBuffer); // data is a Buffer: no copy
  });
}
