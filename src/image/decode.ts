import { type PictureOptions, type PictureSource, withPicture } from './open.js';

/**
 * From this ratio of its sides on, a picture is cropped before it is resized and not after. sharp turns a picture
 * upright between the two and holds all of it then: making 65,000 x 1 pixels 112 high took 28 s for 2.4 GB of pixels.
 */
const elongated = 16;

/** Part of an upright picture, as shares of its width and height. */
export interface Crop {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface DecodeOptions extends PictureOptions {
  /** what to look at; all of it if undefined */
  readonly crop?: Crop | undefined;
}

/**
 * A picture as the encoder takes it: upright, on white, its short side resized to `resolution` (bicubic), its centre
 * cropped, the first frame if it has several.
 * @returns uint8 [resolution, resolution, 3], RGB, alone in its ArrayBuffer and so fit to be transferred
 * @throws FILE_UNREADABLE, IMAGE_EMPTY, IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, IMAGE_UNREADABLE,
 *   DECODER_EXHAUSTED
 */
export function decode(
  source: PictureSource,
  resolution: number,
  { crop, ...options }: DecodeOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return withPicture(source, options, async ({ image, elongation, size }) => {
    if (crop || elongation > elongated) image.extract(regionOf(crop ?? whole, await size()));
    const { data } = await image
      .resize(resolution, resolution, { kernel: 'cubic' }) // fit: cover, position: centre
      .flatten({ background: 'white' })
      .raw()
      .toUint8Array();
    return new Uint8Array(data.buffer as ArrayBuffer); // data is a Buffer: no copy
  });
}

const whole: Crop = { x: 0, y: 0, width: 1, height: 1 };

/** At least one pixel, and none outside; of what is elongated, the square in its middle. */
function regionOf(crop: Crop, { width, height }: { width: number; height: number }) {
  const left = Math.min(Math.floor(crop.x * width), width - 1);
  const top = Math.min(Math.floor(crop.y * height), height - 1);
  const right = Math.min(Math.max(Math.round((crop.x + crop.width) * width), left + 1), width);
  const bottom = Math.min(Math.max(Math.round((crop.y + crop.height) * height), top + 1), height);
  const region = { left, top, width: right - left, height: bottom - top };
  const side = Math.min(region.width, region.height);
  if (Math.max(region.width, region.height) <= elongated * side) return region;
  return {
    left: left + ((region.width - side) >> 1),
    top: top + ((region.height - side) >> 1),
    ...{ width: side, height: side },
  };
}
