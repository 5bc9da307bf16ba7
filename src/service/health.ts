import { z } from 'zod';
import { route } from './route.js';
import type { Service } from './service.js';

export const health = z
  .strictObject({ status: z.enum(['ok', 'stopping']), images: z.number().int(), engine: z.string(), model: z.string() })
  .meta({ id: 'Health' });

/** /healthz: is the process well? /readyz: does it want to be asked? */
export const healthRoutes = (service: Service) =>
  (['healthz', 'readyz'] as const).map(name =>
    route({
      ...{ method: 'get', path: `/${name}`, access: 'public', operation: name, tag: 'Operations' },
      summary:
        name === 'healthz' ? 'Is it alive? 503 when it is about to end' : 'Should it be asked? 503 while it drains',
      answer: { status: 200, description: 'It is', schema: health },
      handle({ searcher: { encoder, index }, response }) {
        const isStopping = service.stopping || (name === 'readyz' && service.draining);
        const body = {
          status: isStopping ? 'stopping' : 'ok',
          images: index.catalogue.state().images,
          engine: encoder.engine,
          model: encoder.fingerprint,
        };
        if (!isStopping) return body;
        response.status(503).json(body);
        return undefined;
      },
    }),
  );
