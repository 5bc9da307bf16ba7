import pMap from 'p-map';
import { z } from 'zod';
import { type ErrorCode, MatvitError } from '../errors.js';
import { decodingErrors } from '../image/decoder.js';
import { withTotal } from '../search/cost.js';
import { type CombinedAnswer, followUpOf } from '../search/searcher.js';
import { type Asked, budgetOf, encodingOf, measured, replying } from './encoding.js';
import { problemOf, readingErrors } from './errors.js';
import { checkQueries, checkSingle, fetchFor, resolveExample, uploadedExamples } from './examples.js';
import { type Route, route } from './route.js';
import * as schemas from './schemas.js';
import type { Service } from './service.js';

const encoding: readonly ErrorCode[] = [
  ...(['OPERATING_POINT_INVALID', 'SUBMODEL_INVALID', 'RESOLUTION_INVALID'] as const),
  ...(['ENCODER_FAILED', 'ENCODER_CLOSED', 'WORKER_LOST', 'BUDGET_EXCEEDED', 'QUEUE_FULL'] as const),
];
const stored: readonly ErrorCode[] = ['NOT_FOUND', 'FILE_UNREADABLE', 'INDEX_FAILED', ...readingErrors];
const url: readonly ErrorCode[] = ['URL_FORBIDDEN', 'URL_UNREACHABLE'];
const asking: readonly ErrorCode[] = ['FILTER_INVALID', 'CURSOR_INVALID'];
const errors = [...asking, ...decodingErrors, ...encoding, ...stored, ...url];

export const embedding = z
  .strictObject({ vector: z.array(z.number()).describe('unit length'), model: z.string(), cost: schemas.cost })
  .meta({ id: 'Embedding' });

/** Searches of one batch under way at the same time, but for those with a budget, which the planner should see all of. */
const batchWidth = 4;

export function searchRoutes(service: Service): Route[] {
  const search = async (context: Asked, query: schemas.Query, isBatch = false): Promise<CombinedAnswer> => {
    const { searcher } = context;
    const { like, unlike, at, budgetMs, minFidelity, onMiss, ...options } = query;
    const encoding = encodingOf(service, context, { at, budgetMs, minFidelity, onMiss });
    return measured(service, context, encoding.budgetMs, async () => {
      const examples = await Promise.all([
        ...like.map(example => resolveExample(service, searcher, example, { sign: 1, context })),
        ...unlike.map(example => resolveExample(service, searcher, example, { sign: -1, context })),
      ]);
      return searcher.searchLike(examples, { ...encoding, ...options, ...(isBatch && { several: true }) });
    });
  };
  return [
    route({
      ...{ method: 'post', path: '/v1/search', access: 'read', operation: 'search', tag: 'Search' },
      summary: 'Pictures of the index that are like others',
      description:
        'The picture is the whole body; or several are files `image` and `unlike` of a form, with the options as ' +
        'fields; or everything is JSON, with pictures in base64, by id or by URL, weighted, and no fields beside it.',
      headers: schemas.budgetHeaders,
      body: { kind: 'pictures', schema: schemas.query, fields: schemas.queryFields, files: ['image', 'unlike'] },
      answer: { status: 200, description: 'the hits, best first', schema: schemas.answer },
      errors,
      async handle(context) {
        const { query: { crop, ...options }, body, upload } = context; // prettier-ignore
        const query = upload ? { ...uploadedExamples(upload, crop), ...options } : body;
        checkQueries(service, [query]);
        const answer = await search(context, query);
        if (answer.cost) replying(context, followUpOf(query));
        return answer;
      },
    }),
    route({
      ...{ method: 'post', path: '/v1/search/batch', access: 'read', operation: 'searchBatch', tag: 'Search' },
      summary: 'Several searches; one that fails does not fail the others',
      headers: schemas.budgetHeaders,
      body: {
        kind: 'pictures',
        schema: z.strictObject({ queries: z.array(schemas.query).min(1).max(32) }),
        fields: z.strictObject({}),
        files: [],
      },
      answer: {
        status: 200,
        description: 'an answer or a problem for each query, in their order',
        schema: z.strictObject({ answers: z.array(z.union([schemas.answer, z.object({ code: z.string() }).loose()])) }),
      },
      errors,
      async handle(context) {
        const { body, upload } = context;
        if (upload) throw new MatvitError('REQUEST_INVALID', 'a batch is JSON, with the type application/json');
        checkQueries(service, body.queries);
        const { queries } = body;
        const isFetching = queries.some(({ like, unlike }) =>
          [...like, ...unlike].some(({ url }) => url !== undefined),
        );
        const fromHeader = context.request.get(schemas.budgetHeader);
        const isHurried = queries.some(query => budgetOf<unknown>(service, query, fromHeader) !== undefined);
        const answers = await pMap(
          queries,
          query =>
            search(context, query, true).catch((error: unknown) => {
              if (error instanceof MatvitError && error.code !== 'ENCODER_CLOSED')
                return { problem: JSON.parse(problemOf(error)) as unknown };
              throw error;
            }),
          { concurrency: isHurried && !isFetching ? queries.length : batchWidth },
        );
        // all of them go out now, the first as well
        const total = performance.now() - context.arrivedAt;
        return {
          answers: answers.map(answer => {
            if ('problem' in answer) return answer.problem;
            return answer.cost ? { ...answer, cost: withTotal(answer.cost, total) } : answer;
          }),
        };
      },
    }),
    route({
      ...{ method: 'post', path: '/v1/search/vector', access: 'read', operation: 'searchVector', tag: 'Search' },
      summary: 'Pictures of the index that are near a vector, such as one that /v1/embed gave',
      body: { kind: 'json', schema: schemas.vectorQuery },
      answer: { status: 200, description: 'the hits, best first', schema: schemas.answer },
      errors: ['VECTOR_INVALID', ...asking, 'INDEX_FAILED', ...readingErrors],
      handle(context) {
        const { searcher, body: { vector, ...options } } = context; // prettier-ignore
        const length = Math.hypot(...vector);
        const { dimension } = searcher.index;
        if (vector.length !== dimension || !(length > 0))
          throw new MatvitError('VECTOR_INVALID', `the index takes ${dimension} numbers, not all of them 0`);
        if (length === Infinity)
          throw new MatvitError('VECTOR_INVALID', 'its numbers are too large: their length is not finite');
        const unit = Float32Array.from(vector, x => x / length);
        return measured(service, context, undefined, () =>
          searcher.searchLike([{ of: { vector: unit }, weight: 1 }], options),
        );
      },
    }),
    route({
      ...{ method: 'post', path: '/v1/embed', access: 'read', operation: 'embed', tag: 'Search' },
      summary: 'The vector of a picture',
      headers: schemas.budgetHeaders,
      body: { kind: 'pictures', schema: schemas.embedQuery, fields: schemas.embedFields, files: ['image'] },
      answer: {
        status: 200,
        description: 'its embedding',
        schema: embedding,
      },
      errors: [...decodingErrors, ...encoding, ...url],
      async handle(context) {
        const { searcher, query, body, upload } = context;
        checkSingle(upload);
        const asked = upload ? { ...query, image: uploadedExamples(upload, undefined).like[0]!.image } : body;
        const { image, crop } = asked;
        const url = upload ? undefined : body.url;
        const encoding = encodingOf(service, context, asked);
        const { vector, cost } = await measured(service, context, encoding.budgetMs, async () => {
          const picture = image ?? (await fetchFor(service, url!, context));
          return searcher.embed({ ...encoding, picture, crop, name: 'the picture' });
        });
        replying(context, 'none');
        return { vector: [...vector], model: searcher.encoder.fingerprint, cost };
      },
    }),
  ];
}
