export interface ImageLimits {
  /** of the file or the upload */
  readonly maxBytes: number;
  /** width x height as the file's header gives them: what decoding would cost, whatever the file's size */
  readonly maxPixels: number;
  /** the same of pictures that have to be decoded whole, all but baseline JPEGs; maxPixels by default */
  readonly maxWholePixels?: number;
}

/** Of settings that have more. */
export const limitsOf = ({ maxBytes, maxPixels, maxWholePixels }: Required<ImageLimits>): ImageLimits => ({
  maxBytes,
  maxPixels,
  maxWholePixels,
});

/** For pictures that no stranger sent: what costs most is no attack. */
export const forOwn = ({ maxBytes, maxPixels }: ImageLimits): ImageLimits => ({ maxBytes, maxPixels });

/**
 * Photos of today's cameras pass. Measured at 64 megapixels: a plain JPEG takes 0.1 s and 20 MB, most other files up to
 * 1.2 s and 0.5 GB (interlaced or progressive ones are decoded whole), an AVIF 3.3 s and 1.1 GB.
 */
export const defaultLimits: ImageLimits = { maxBytes: 32 * 2 ** 20, maxPixels: 64e6 };
