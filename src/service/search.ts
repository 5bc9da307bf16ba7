import { Router, raw } from 'express';
import multer from 'multer';
import { z } from 'zod';
import { MatvitError, reasonOf } from '../errors.js';
import { parseOperatingPoint } from '../model/operating-point.js';
import { onMissValues } from '../planner/policy.js';
import { methodNotAllowed } from './errors.js';
import type { Service } from './service.js';

const maxK = 1000;
/** milliseconds; who can wait for longer needs no budget */
const maxBudget = 60_000;
const budgetHeader = 'X-Latency-Budget-Ms';

/** Query or form fields; numbers come as text. */
const fields = z.strictObject({
  k: z.coerce.number().int().min(1).max(maxK).default(10),
  at: z.string().max(100).optional(),
  budgetMs: z.coerce.number().positive().max(maxBudget).optional(),
  minFidelity: z.coerce.number().min(0).max(1).optional(),
  onMiss: z.enum(onMissValues).default('degrade'),
});

/**
 * POST /v1/search: the picture as the whole body, or as the file `image` of a form; the fields beside it. The latency
 * budget, a field or the header X-Latency-Budget-Ms, runs from the upload's last byte to the answer's first.
 */
export function search({ searcher, limits, budgetMs: defaultBudget, metrics }: Service): Router {
  const router = Router();
  const form = multer({
    storage: multer.memoryStorage(),
    limits: { fileSize: limits.maxBytes, files: 1, fields: 8, fieldSize: 1000 },
  }).single('image');
  const body = raw({ type: () => true, limit: limits.maxBytes });
  router
    .route('/')
    .post(
      (request, response, next) => {
        if (request.is('multipart/form-data'))
          form(request, response, (error: unknown) => next(error === undefined ? undefined : formError(error)));
        else body(request, response, next);
      },
      async (request, response) => {
        const arrivedAt = performance.now();
        const formFields = request.is('multipart/form-data') ? (request.body as Record<string, unknown>) : {};
        const inHeader = request.get(budgetHeader);
        const given = { ...(inHeader !== undefined && { budgetMs: inHeader }), ...request.query, ...formFields };
        const { k, at, budgetMs = defaultBudget, minFidelity, onMiss } = parse(given);
        const picture: unknown = request.file?.buffer ?? request.body;
        if (!Buffer.isBuffer(picture) || picture.length === 0)
          throw new MatvitError('REQUEST_INVALID', 'send a picture as the body, or as the file `image` of a form');
        const point = at === undefined ? undefined : parseOperatingPoint(searcher.encoder.architecture, at);
        const gone = new AbortController();
        response.once('close', () => gone.abort());
        try {
          const answer = await searcher.search({
            ...{ picture, name: 'the upload', k, at: point, budgetMs, minFidelity, onMiss, arrivedAt },
            ...{ client: request.ip ?? '', signal: gone.signal },
          });
          const ready = performance.now();
          response.once('finish', () => {
            const now = performance.now();
            searcher.replied(answer.cost, now - ready);
            metrics.answered(answer.cost, now - arrivedAt);
          });
          response.json(answer);
        } catch (error) {
          metrics.refused(error instanceof MatvitError ? error.code : 'INTERNAL', budgetMs);
          throw error;
        }
      },
    )
    .all(methodNotAllowed('POST'));
  return router;
}

/** What multer throws without a code is its parser's: the form is malformed or ends early. */
function formError(error: unknown): unknown {
  const isKnown = error instanceof Error && 'code' in error && String(error.code).startsWith('LIMIT_');
  return isKnown ? error : new MatvitError('REQUEST_INVALID', `the form: ${reasonOf(error)}`, { cause: error });
}

function parse(input: unknown): z.infer<typeof fields> {
  const result = fields.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = issue.path.join('.');
  throw new MatvitError('REQUEST_INVALID', field ? `${field}: ${issue.message}` : issue.message);
}
