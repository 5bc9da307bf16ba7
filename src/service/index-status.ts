import { z } from 'zod';
import { readingErrors } from './errors.js';
import { job, jobOf } from './job-routes.js';
import { type Route, route } from './route.js';
import type { Service } from './service.js';

const count = z.number().int();

export const indexStatus = z
  .strictObject({
    images: count,
    stored: count.describe('pictures that were added one by one, and are kept in the index'),
    vectors: count.describe('exact copies share one'),
    revision: count.optional().describe('increased by every change; this and what follows is of an index on disk'),
    model: z.strictObject({ fingerprint: z.string(), dimension: count, engine: z.string() }),
    graph: z
      .strictObject({
        vectors: count,
        pending: count.describe('vectors that it has not taken up yet: they are searched one by one'),
        deleted: count.describe('places of vectors that are no more'),
        snapshot: count.optional().describe('the revision that is on disk; absent before the first snapshot'),
      })
      .optional(),
    bytes: z.strictObject({ catalogue: count, graph: count }).optional(),
    allows: z.strictObject({
      changes: z.boolean().describe('may pictures be added, edited and deleted?'),
      urls: z.boolean().describe('may pictures be given by URL?'),
    }),
    job: job.optional().describe('the one that runs, or the last one'),
  })
  .meta({ id: 'IndexStatus' });

export const indexStatusRoute = ({ config, jobs }: Service): Route =>
  route({
    ...{ method: 'get', path: '/v1/index', access: 'read', operation: 'indexStatus', tag: 'Index' },
    summary: 'What is in the index, how large it is, and what is being done to it',
    answer: { status: 200, description: 'the index', schema: indexStatus },
    errors: ['INDEX_FAILED', ...readingErrors],
    async handle({ searcher: { index, encoder } }) {
      const { latest } = jobs;
      const { fingerprint, engine, architecture } = encoder;
      return {
        ...(await index.stats()),
        model: { fingerprint, dimension: architecture.width, engine },
        allows: { changes: config.writable, urls: config.urlHosts.length > 0 },
        ...(latest && { job: jobOf(latest) }),
      };
    },
  });
