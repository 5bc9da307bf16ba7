import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import express, { Router } from 'express';
import { methodNotAllowed } from './errors.js';
import type { Json } from './openapi.js';

const viewerFiles = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>matvit API</title>
    <link rel="icon" href="/icon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
  </head>
  <body>
    <div id="viewer"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;
const start = `SwaggerUIBundle({ url: '/v1/openapi.json', dom_id: '#viewer', deepLinking: true, validatorUrl: null });\n`;

/** GET /v1/openapi.json, and Swagger UI over it at /docs: from this package's own files, under its strict policy. */
export function viewer(document: Json): Router {
  const router = Router();
  const text = JSON.stringify(document);
  const only = methodNotAllowed('GET', 'HEAD');
  router
    .route('/v1/openapi.json')
    .get((_request, response) => void response.type('json').send(text))
    .all(only);
  router
    .route(['/docs', '/docs/'])
    .get((_request, response) => void response.type('html').send(page))
    .all(only);
  router.get('/docs/start.js', (_request, response) => void response.type('js').send(start));
  const files = express.static(viewerFiles, { index: false, redirect: false });
  router.get(/^\/docs\/swagger-ui(-bundle\.js|\.css)$/, (request, response, next) => {
    request.url = request.url.replace('/docs', '');
    files(request, response, next);
  });
  return router;
}
