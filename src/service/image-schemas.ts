/** Pictures of the index: what goes in and out. */
import { z } from 'zod';
import { MatvitError } from '../errors.js';
import { asText, maxK, metadata, number, onePicture } from './schemas.js';

export const source = onePicture({}).meta({ id: 'PictureSource' });
export type Source = z.infer<typeof source>;

const path = z.string().min(1).max(1000).describe('relative, with slashes; made from the SHA-256 if left out');
export const newPictures = z.strictObject({
  pictures: z
    .array(
      onePicture({ path: path.optional(), metadata: metadata.optional() }).meta({
        id: 'NewPicture',
        description: 'one of image and url',
      }),
    )
    .min(1)
    .max(maxK),
});
export const newPictureFields = z.strictObject({
  path: path.optional().describe('of one picture: relative, with slashes; made from the SHA-256 if left out'),
  metadata: z
    .string()
    .transform(jsonOf)
    .pipe(z.union([metadata, z.array(metadata)]))
    .optional()
    .describe('an object for every picture, or a list with one for each, as JSON'),
});
export type NewPictureFields = z.infer<typeof newPictureFields>;

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MatvitError('METADATA_INVALID', 'it is not JSON');
  }
}

export const listing = z.strictObject({
  limit: number.int().min(1).max(maxK).default(50).describe('pictures on a page'),
  filter: asText.filter,
  cursor: asText.cursor,
});

export const image = z
  .strictObject({
    id: z.number().int(),
    path: z.string(),
    size: z.number().int().describe('bytes'),
    sha256: z.string(),
    metadata,
    stored: z.boolean().describe('is it kept in the index, rather than a file of the folder that was indexed?'),
    thumbnail: z.string().describe('address of a small copy'),
  })
  .meta({ id: 'Image' });
