import { z } from 'zod';
import { indexFolder } from '../corpus/indexing.js';
import { MatvitError } from '../errors.js';
import { aside } from './aside.js';
import { problemOf, reportOf } from './errors.js';
import type { JobStatus } from './jobs.js';
import { onDisk } from './on-disk.js';
import { type Route, route } from './route.js';
import type { Service } from './service.js';

const count = z.number().int();
/** Failures that a report lists; it counts them all. */
const listed = 100;
/** milliseconds between two events of a job, and between two signs of life of a quiet one */
const interval = { progress: 200, heartbeat: 15_000 };

export const job = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['reindex', 'snapshot']),
    state: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
    started: z.string().describe('date and time'),
    ended: z.string().optional(),
    progress: z
      .strictObject({
        done: count.describe('pictures dealt with, unchanged ones included'),
        total: count,
        skipped: count.describe('unchanged'),
        failed: count,
        rate: z.number().describe('pictures a second, without the unchanged ones'),
      })
      .optional(),
    report: z
      .strictObject({
        ...{ added: count, updated: count, unchanged: count, removed: count, embedded: count, ignored: count },
        failures: count,
        failed: z.array(z.strictObject({ path: z.string(), code: z.string(), reason: z.string() })),
        seconds: z.number(),
      })
      .optional()
      .describe('what was done until the end or the cancellation; `failed` lists the first hundred'),
    problem: z.object({ code: z.string(), detail: z.string() }).loose().optional().describe('why it failed'),
  })
  .meta({ id: 'Job' });

export const jobOf = ({ error, ...status }: JobStatus): object => ({
  ...status,
  ...(error && { problem: JSON.parse(problemOf(error)) as unknown }),
});

const params = z.strictObject({ id: z.string().max(100).describe('of a job') });

export function jobRoutes(service: Service): Route[] {
  const { jobs, searchers, log, folderLimits: limits } = service;
  return [
    route({
      ...{ method: 'post', path: '/v1/index/reindex', access: 'write', operation: 'reindex', tag: 'Index' },
      changes: true,
      summary: 'Brings the index up to date with the folder that it was made from, while searches go on',
      description:
        'As `matvit index` does, with one worker. What is known of pictures besides their pixels stays as it is; new ' +
        "ones have their folder's name as label. Pictures that were added one by one are left alone.",
      answer: { status: 202, description: 'it has begun; its address is in Location', schema: job },
      errors: ['JOB_RUNNING', 'FOLDER_UNREADABLE'],
      handle({ searcher, response }) {
        const folder = onDisk(searcher.index).catalogue.root;
        if (folder === undefined)
          throw new MatvitError('FOLDER_UNREADABLE', 'the index was not made from a folder; see matvit index');
        const { status } = jobs.start('reindex', async ({ signal, onProgress }) => {
          const lease = searchers.lease(); // the searcher in use, which may be replaced meanwhile
          try {
            const { index, encoder } = lease.value;
            const { failed, interrupted, unmatched, ...report } = await indexFolder({
              ...{ folder, index: onDisk(index), encoder: aside(encoder), signal, onProgress },
              decode: (path, resolution) => service.decoder.decode(path, resolution, { limits }),
            });
            await service.thumbnails.sweep();
            const failures = failed.slice(0, listed).map(({ path, code, reason }) => ({ path, code, reason }));
            log.info({ ...report, failed: failed.length, interrupted, unmatched }, 'reindexed');
            return { ...report, failures: failed.length, failed: failures };
          } catch (error) {
            log.error({ error: reportOf(error) }, 'reindexing failed');
            throw error;
          } finally {
            lease.release();
          }
        });
        response.set('Location', `/v1/jobs/${status.id}`);
        return jobOf(status);
      },
    }),
    route({
      ...{ method: 'get', path: '/v1/jobs/{id}', access: 'read', operation: 'job', tag: 'Index' },
      summary: 'How a job stands',
      params,
      answer: { status: 200, description: 'the job', schema: job },
      errors: ['NOT_FOUND'],
      handle: ({ params: { id } }) => jobOf(jobs.status(id)),
    }),
    route({
      ...{ method: 'delete', path: '/v1/jobs/{id}', access: 'write', operation: 'cancelJob', tag: 'Index' },
      summary: 'Cancels a job; what it has done so far stays',
      params,
      answer: { status: 202, description: 'the job, which ends soon', schema: job },
      errors: ['NOT_FOUND'],
      handle: ({ params: { id } }) => jobOf(jobs.cancel(id)),
    }),
    route({
      ...{ method: 'get', path: '/v1/jobs/{id}/events', access: 'read', operation: 'followJob', tag: 'Index' },
      summary: 'The progress of a job, until its end',
      description:
        'Server-sent events: `progress` a few times a second and `end` at last, both with the job as JSON for data.',
      params,
      answer: { status: 200, description: 'the events', types: ['text/event-stream'] },
      errors: ['NOT_FOUND'],
      handle({ params: { id }, request, response }) {
        jobs.status(id); // there is one
        response.status(200).set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
        if (request.method === 'HEAD') {
          response.end();
          return;
        }
        let last = 0;
        const send = (status: JobStatus) => {
          if (response.writableEnded) return;
          const hasEnded = status.state !== 'running';
          if (!hasEnded && performance.now() - last < interval.progress) return;
          last = performance.now();
          response.write(`event: ${hasEnded ? 'end' : 'progress'}\ndata: ${JSON.stringify(jobOf(status))}\n\n`);
          if (!hasEnded) return;
          leave(); // 'close' comes when the client has read all of it, which may be never
          response.end();
        };
        const { status, unfollow } = jobs.follow(id, send);
        const heartbeat = setInterval(() => response.write(': it goes on\n\n'), interval.heartbeat);
        const leave = () => {
          unfollow();
          clearInterval(heartbeat);
        };
        response.once('close', leave);
        send(status);
      },
    }),
  ];
}
