import type { RequestHandler } from 'express';
import type { Service } from './service.js';

/** GET /healthz: 200 while it serves, 503 when it is about to stop. */
export const health =
  (service: Service): RequestHandler =>
  (_request, response) => {
    const { encoder, index } = service.searcher;
    response.status(service.stopping ? 503 : 200).json({
      status: service.stopping ? 'stopping' : 'ok',
      images: index.catalogue.state().images,
      engine: encoder.engine,
      model: encoder.fingerprint,
    });
  };
