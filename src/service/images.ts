import { z } from 'zod';
import type { Image } from '../catalogue/image.js';
import { MatvitError } from '../errors.js';
import { decodingErrors } from '../image/decoder.js';
import { readingErrors } from './errors.js';
import { findImage } from './examples.js';
import * as schemas from './image-schemas.js';
import { type Route, route } from './route.js';
import type { Service } from './service.js';
import { thumbnailSize } from './thumbnails.js';

/** In a thumbnail's address, so that it may be kept for ever. */
const version = (sha256: string) => sha256.slice(0, 16);

export const imageOf = ({ id, path, size, sha256, metadata, stored }: Image) => ({
  ...{ id, path, size, sha256, metadata, stored, thumbnail: `/v1/images/${id}/thumbnail?v=${version(sha256)}` },
});
/** An id that cannot be one is of no picture, rather than a mistake. */
export const params = z.strictObject({
  id: z
    .string()
    .transform(text => {
      if (!/^[1-9]\d{0,14}$/.test(text)) throw new MatvitError('NOT_FOUND', `there is no picture ${text.slice(0, 40)}`);
      return Number(text);
    })
    .describe('of a picture'),
});

/** Nothing is served that the catalogue does not have. */
export function imageRoutes(service: Service): Route[] {
  return [
    route({
      ...{ method: 'get', path: '/v1/images', access: 'read', operation: 'listImages', tag: 'Pictures' },
      summary: 'Pictures of the index, in the order in which they were added',
      query: schemas.listing,
      answer: {
        status: 200,
        description: 'a page of them',
        schema: z.strictObject({
          images: z.array(schemas.image),
          total: z.number().int().describe('pictures that pass the filter'),
          next: z.string().optional().describe('cursor of the next page; absent on the last one'),
        }),
      },
      errors: ['FILTER_INVALID', 'CURSOR_INVALID', ...readingErrors],
      async handle({ searcher: { index }, query }) {
        const { images, ...rest } = await index.list(query);
        return { images: images.map(imageOf), ...rest };
      },
    }),
    route({
      ...{ method: 'get', path: '/v1/images/{id}', access: 'read', operation: 'image', tag: 'Pictures' },
      summary: 'What the catalogue knows of a picture',
      params,
      answer: { status: 200, description: 'the picture', schema: schemas.image },
      errors: ['NOT_FOUND', ...readingErrors],
      handle: async ({ searcher, params: { id } }) => imageOf(await findImage(searcher, id)),
    }),
    route({
      ...{ method: 'get', path: '/v1/images/{id}/thumbnail', access: 'read', operation: 'thumbnail', tag: 'Pictures' },
      query: z.strictObject({
        v: z.string().max(64).optional().describe('as in `thumbnail` of a picture: may be kept'),
      }),
      summary: 'A small copy of a picture, at most 384 pixels, without its metadata',
      description: 'AVIF or WebP, by the Accept header.',
      params,
      answer: { status: 200, description: 'the copy', types: ['image/webp', 'image/avif'] },
      otherwise: { status: 304, description: 'the client has it already, by its If-None-Match' },
      errors: ['NOT_FOUND', 'FILE_UNREADABLE', ...decodingErrors, ...readingErrors],
      async handle({ searcher, params: { id }, query: { v }, request, response }) {
        const image = await findImage(searcher, id);
        const format = request.accepts(['image/webp', 'image/avif']) === 'image/avif' ? 'avif' : 'webp';
        const lasting = v === version(image.sha256) ? 'private, max-age=31536000, immutable' : 'no-cache';
        const etag = `"${image.sha256}-${thumbnailSize}-${format}"`;
        const caching = { ETag: etag, 'Cache-Control': lasting, Vary: 'Accept' };
        if (request.get('If-None-Match') === caching.ETag) {
          response.status(304).set(caching).end();
          return;
        }
        const data = await service.thumbnails.get(searcher, image, format);
        response.set(caching).type(`image/${format}`).send(data);
      },
    }),
  ];
}
