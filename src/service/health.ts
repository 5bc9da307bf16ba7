import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { SearchableIndex } from '../corpus/ports.js';
import { readingErrors } from './errors.js';
import { route } from './route.js';
import type { Service } from './service.js';

export const health = z
  .strictObject({
    status: z.enum(['ok', 'stopping']),
    images: z.number().int().optional().describe('absent while the database does not answer'),
    engine: z.string(),
    model: z.string(),
  })
  .meta({ id: 'Health' });

/** A database that does not answer is no reason to end this process: it may be back in a moment. */
const knownCount = (index: SearchableIndex) =>
  Promise.race([index.count().catch(() => undefined), sleep(500, undefined, { ref: false })]);

/** /healthz: is the process well? /readyz: does it want to be asked? */
export const healthRoutes = (service: Service) =>
  (['healthz', 'readyz'] as const).map(name =>
    route({
      ...{ method: 'get', path: `/${name}`, access: 'public', operation: name, tag: 'Operations' },
      summary:
        name === 'healthz' ? 'Is it alive? 503 when it is about to end' : 'Should it be asked? 503 while it drains',
      answer: { status: 200, description: 'It is', schema: health },
      otherwise: { status: 503, description: 'It is stopping', schema: health },
      errors: name === 'healthz' ? [] : readingErrors,
      async handle({ searcher: { encoder, index }, response }) {
        const isStopping = service.stopping || (name === 'readyz' && service.draining);
        const images = await (name === 'healthz' ? knownCount(index) : index.count());
        const body = {
          status: isStopping ? 'stopping' : 'ok',
          ...(images !== undefined && { images }),
          engine: encoder.engine,
          model: encoder.fingerprint,
        };
        if (!isStopping) return body;
        response.status(503).json(body);
        return undefined;
      },
    }),
  );
