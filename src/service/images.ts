import { z } from 'zod';
import type { Image } from '../catalogue/image.js';
import { MatvitError } from '../errors.js';
import { findImage } from './examples.js';
import { type Route, route } from './route.js';
import * as schemas from './schemas.js';
import type { Service } from './service.js';
import { Thumbnails, thumbnailSize } from './thumbnails.js';

/** In a thumbnail's address, so that it may be kept for ever. */
const version = (sha256: string) => sha256.slice(0, 16);

const imageOf = ({ id, path, size, sha256, metadata }: Image) => ({
  ...{ id, path, size, sha256, metadata, thumbnail: `/v1/images/${id}/thumbnail?v=${version(sha256)}` },
});
/** An id that cannot be one is of no picture, rather than a mistake. */
const params = z.strictObject({
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
  const thumbnails = new Thumbnails(service);
  return [
    route({
      ...{ method: 'get', path: '/v1/images/{id}', access: 'read', operation: 'image', tag: 'Pictures' },
      summary: 'What the catalogue knows of a picture',
      params,
      answer: { status: 200, description: 'the picture', schema: schemas.image },
      errors: ['NOT_FOUND', 'CATALOGUE_CORRUPT'],
      handle: ({ searcher, params: { id } }) => imageOf(findImage(searcher, id)),
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
      errors: [
        'NOT_FOUND',
        'FILE_UNREADABLE',
        'IMAGE_UNREADABLE',
        'IMAGE_UNSUPPORTED',
        'IMAGE_TOO_LARGE',
        'IMAGE_EMPTY',
        'CATALOGUE_CORRUPT',
      ],
      async handle({ searcher, params: { id }, query: { v }, request, response }) {
        const image = findImage(searcher, id);
        const format = request.accepts(['image/webp', 'image/avif']) === 'image/avif' ? 'avif' : 'webp';
        const lasting = v === version(image.sha256) ? 'private, max-age=31536000, immutable' : 'no-cache';
        const etag = `"${image.sha256}-${thumbnailSize}-${format}"`;
        const caching = { ETag: etag, 'Cache-Control': lasting, Vary: 'Accept' };
        if (request.get('If-None-Match') === caching.ETag) {
          response.status(304).set(caching).end();
          return;
        }
        const folder = service.config.thumbnails ?? `${searcher.index.folder}/thumbnails`;
        const data = await thumbnails.get(folder, image, searcher.index.picture(image), format);
        response.set(caching).type(`image/${format}`).send(data);
      },
    }),
  ];
}
