/** The HTTP service: what every request passes through, and the routes. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import express, { type Express } from 'express';
import { viewer } from './docs.js';
import { answerErrors, notFound } from './errors.js';
import { logRequests } from './log.js';
import { mount } from './mount.js';
import { openApi } from './openapi.js';
import { routesOf } from './routes.js';
import { allowOrigins, limitRate, securityHeaders } from './security.js';
import type { Service } from './service.js';

const pages = fileURLToPath(new URL('../../../src/service/page/', import.meta.url));
const client = fileURLToPath(new URL('../client/client.js', import.meta.url));
const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

export function app(service: Service): Express {
  const { config, log } = service;
  const application = express();
  application.disable('x-powered-by');
  application.set('etag', false);
  application.set('trust proxy', config.trustProxy);
  application.use(logRequests(log));
  application.use((_request, response, next) => {
    if (service.draining) response.set('Connection', 'close');
    next();
  });
  application.use(securityHeaders(), allowOrigins(config), limitRate(config));
  const routes = routesOf(service);
  application.use(mount(service, routes));
  application.use(viewer(openApi(routes, version)));
  application.get('/client.js', (_request, response) => response.sendFile(client));
  application.use(express.static(pages, { redirect: false }));
  application.use(notFound);
  application.use(answerErrors(log));
  return application;
}
