/** The HTTP service: routes and nothing else. */
import { fileURLToPath } from 'node:url';
import express, { type Express } from 'express';
import { answerErrors, methodNotAllowed, notFound, refuseWhenStopping } from './errors.js';
import { frontier } from './frontier.js';
import { health } from './health.js';
import { images } from './images.js';
import { metricsRoute } from './metrics.js';
import { search } from './search.js';
import type { Service } from './service.js';

const pages = fileURLToPath(new URL('../../../src/service/page/', import.meta.url));

export function app(service: Service): Express {
  const application = express();
  application.disable('x-powered-by');
  application.set('etag', false);
  application.route('/healthz').get(health(service)).all(methodNotAllowed('GET', 'HEAD'));
  application.route('/metrics').get(metricsRoute(service.metrics)).all(methodNotAllowed('GET', 'HEAD'));
  application.use(refuseWhenStopping(service));
  application.use('/v1/search', search(service));
  application.use('/v1/images', images(service));
  application.route('/v1/frontier').get(frontier(service)).all(methodNotAllowed('GET', 'HEAD'));
  application.use(express.static(pages, { redirect: false }));
  application.use(notFound);
  application.use(answerErrors);
  return application;
}
