/** The HTTP service: routes and nothing else. */
import { fileURLToPath } from 'node:url';
import express, { type Express } from 'express';
import { answerErrors, notFound } from './errors.js';
import { health } from './health.js';
import { images } from './images.js';
import { search } from './search.js';
import type { Service } from './service.js';

const pages = fileURLToPath(new URL('../../../src/service/page/', import.meta.url));

export function app(service: Service): Express {
  const application = express();
  application.disable('x-powered-by');
  application.set('etag', false);
  application.get('/healthz', health(service));
  application.use('/v1/search', search(service));
  application.use('/v1/images', images(service));
  application.use(express.static(pages));
  application.use(notFound);
  application.use(answerErrors);
  return application;
}
