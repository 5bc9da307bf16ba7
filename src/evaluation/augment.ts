import { type PictureSource, withPicture } from '../image/open.js';
import { sharp } from '../image/sharp.js';
import { type Random } from '../training/random.js';

/** The longer side of a query, pixels: what a phone's page would upload. */
const side = 640;

/**
 * Another picture of the same thing, as a query would be: a crop of 70 to 95% of each side, sometimes a little blurred,
 * recompressed as a JPEG.
 */
export function augment(source: PictureSource, random: Random): Promise<Buffer> {
  const keep = random.between(0.7, 0.95);
  const [across, down] = [random.next(), random.next()];
  const blur = random.next() < 0.5 ? random.between(0.5, 1.5) : undefined;
  const quality = Math.round(random.between(50, 85));
  return withPicture(source, {}, async ({ image, size }) => {
    const { width, height } = await size();
    const [w, h] = [Math.max(1, Math.round(width * keep)), Math.max(1, Math.round(height * keep))];
    const { data, info } = await image.flatten({ background: 'white' }).raw().toBuffer({ resolveWithObject: true });
    const left = Math.floor(across * (width - w));
    const top = Math.floor(down * (height - h));
    const query = sharp(data, { raw: info })
      .extract({ left, top, width: w, height: h })
      .resize(side, side, { fit: 'inside' });
    if (blur !== undefined) query.blur(blur);
    return query.jpeg({ quality }).toBuffer();
  });
}
