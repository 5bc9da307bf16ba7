/** Errors as problem details (RFC 9457), with the stable code of the error table. */
import { inspect } from 'node:util';
import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import { type ErrorCode, MatvitError, errorTable } from '../errors.js';
import type { Logger } from './log.js';

/** What a route can fail with that reads the index. */
export const readingErrors: readonly ErrorCode[] = [
  'CATALOGUE_CORRUPT',
  'INDEX_LOCKED',
  'STORAGE_FAILED',
  'DATABASE_UNAVAILABLE',
];

export const notFound: RequestHandler = request => {
  throw new MatvitError('NOT_FOUND', `${request.method} ${request.path.slice(0, 200)}`);
};

/** For a route that exists, but not for this method. */
export const methodNotAllowed =
  (...allowed: string[]): RequestHandler =>
  (request, response) => {
    response.set('Allow', allowed.join(', '));
    throw new MatvitError(
      'METHOD_NOT_ALLOWED',
      `${request.method} ${request.originalUrl.split('?')[0]!.slice(0, 200)}`,
    );
  };

/** What express and multer throw, by their own names. */
function known(error: unknown): MatvitError | undefined {
  if (error instanceof MatvitError) return error;
  const { status, code, message } = error as { status?: number; code?: string; message?: string };
  if (code?.startsWith('LIMIT_')) return new MatvitError('REQUEST_INVALID', (message ?? code).toLowerCase());
  if (status !== undefined && status >= 400 && status < 500)
    return new MatvitError('REQUEST_INVALID', message ?? 'it cannot be understood');
  return undefined;
}

export const answerErrors =
  (log: Logger): ErrorRequestHandler =>
  (error, request, response, next) => {
    const { id, route } = response.locals as { id?: string; route?: string };
    const problem = known(error) ?? new MatvitError('INTERNAL', 'the log has more');
    response.locals['code'] = problem.code;
    // 503 is for what the client may ask again, and mostly no news to whoever runs the server
    if (problem.status >= 500 && (problem.status !== 503 || problem.code === 'DECODER_UNAVAILABLE'))
      log.error({ id, method: request.method, route, code: problem.code, error: reportOf(error) }, 'request failed');
    if (response.headersSent) {
      next(error);
      return;
    }
    // a queue is a second or so long, and a restart takes not much longer
    if (problem.status === 503) response.set('Retry-After', '1');
    response.status(problem.status).type('application/problem+json').send(problemOf(problem, id));
    if (!request.complete) discardRest(request);
  };

/** The body of an error answer. @param request the request's id */
export function problemOf(
  { code, detail, status }: { code: ErrorCode; detail: string; status: number },
  request?: string,
): string {
  const { title } = errorTable[code];
  return JSON.stringify({ type: `urn:matvit:${code}`, title, status, detail, code, ...(request && { request }) });
}

/** For the log, with its causes. */
export const reportOf = (error: unknown): unknown => (error instanceof Error ? inspect(error) : error);

/** bytes and milliseconds */
const patience = { bytes: 2 ** 20, ms: 1000 };

/**
 * Reads on for a little, since a client that is still sending would not see the answer on a connection that is reset;
 * but whoever has 10 GB to send is cut off.
 */
function discardRest(request: Request): void {
  let size = 0;
  const { socket } = request;
  const cut = () => socket.destroy();
  const timer = setTimeout(cut, patience.ms);
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > patience.bytes) cut();
  });
  request.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
  request.resume();
}
