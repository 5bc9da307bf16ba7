import { Router } from 'express';
import type { Image } from '../catalogue/image.js';
import { MatvitError } from '../errors.js';
import { thumbnail } from '../image/thumbnail.js';
import { methodNotAllowed } from './errors.js';
import type { Service } from './service.js';

/** longer side of a thumbnail, pixels: sharp on a dense display at the page's size */
const thumbnailSize = 384;

/** GET /v1/images/:id and /v1/images/:id/thumbnail. Nothing is served that the catalogue does not have. */
export function images(service: Service): Router {
  const router = Router();
  const find = (text: string): Image => {
    const image = /^[1-9]\d{0,14}$/.test(text) ? service.searcher.index.catalogue.image(Number(text)) : undefined;
    if (!image) throw new MatvitError('NOT_FOUND', `there is no picture ${text}`);
    return image;
  };
  router
    .route('/:id')
    .get((request, response) => {
      const { id, path, size, sha256, metadata } = find(request.params.id);
      response.json({ id, path, size, sha256, metadata, thumbnail: `/v1/images/${id}/thumbnail` });
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  router
    .route('/:id/thumbnail')
    .get(async (request, response) => {
      const image = find(request.params.id);
      const caching = { ETag: `"${image.sha256}-${thumbnailSize}"`, 'Cache-Control': 'no-cache' };
      if (request.get('If-None-Match') === caching.ETag) {
        response.status(304).set(caching).end();
        return;
      }
      const options = { name: image.path, size: thumbnailSize, limits: service.limits };
      const data = await thumbnail(service.searcher.index.picture(image), { ...options, format: 'webp' });
      response.set(caching).type('image/webp').send(data);
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  return router;
}
