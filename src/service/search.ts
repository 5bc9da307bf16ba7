import { Router, raw } from 'express';
import multer from 'multer';
import { z } from 'zod';
import { MatvitError, reasonOf } from '../errors.js';
import { fullPoint, parseOperatingPoint } from '../model/operating-point.js';
import { methodNotAllowed } from './errors.js';
import type { Service } from './service.js';

const maxK = 1000;

/** Query or form fields; numbers come as text. */
const fields = z.strictObject({
  k: z.coerce.number().int().min(1).max(maxK).default(10),
  at: z.string().max(100).optional(),
});

/** POST /v1/search: the picture as the whole body, or as the file `image` of a form; `k` and `at` beside it. */
export function search({ searcher, limits }: Service): Router {
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
        const formFields = request.is('multipart/form-data') ? (request.body as Record<string, unknown>) : {};
        const { k, at } = parse({ ...request.query, ...formFields });
        const picture: unknown = request.file?.buffer ?? request.body;
        if (!Buffer.isBuffer(picture) || picture.length === 0)
          throw new MatvitError('REQUEST_INVALID', 'send a picture as the body, or as the file `image` of a form');
        const { architecture } = searcher.encoder;
        const point = at === undefined ? fullPoint(architecture) : parseOperatingPoint(architecture, at);
        response.json(await searcher.search({ picture, name: 'the upload', k, at: point }));
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
