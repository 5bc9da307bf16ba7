/** Errors as problem details (RFC 9457), with the stable code of the error table. */
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { type ErrorCode, MatvitError, errorTable } from '../errors.js';
import type { Service } from './service.js';

export const notFound: RequestHandler = request => {
  throw new MatvitError('NOT_FOUND', `${request.method} ${request.path}`);
};

/** For a route that exists, but not for this method. */
export const methodNotAllowed =
  (...allowed: string[]): RequestHandler =>
  (request, response) => {
    response.set('Allow', allowed.join(', '));
    throw new MatvitError('METHOD_NOT_ALLOWED', `${request.method} ${request.originalUrl.split('?')[0]}`);
  };

/** For what still comes in on connections that were open already. */
export const refuseWhenStopping =
  (service: Service): RequestHandler =>
  (_request, _response, next) => {
    if (service.stopping) throw new MatvitError('SERVER_STOPPING', 'ask again in a moment');
    next();
  };

/** What express and its body parsers throw, by their own names. */
function known(error: unknown): MatvitError | undefined {
  if (error instanceof MatvitError) return error;
  const { type, status, code, message } = error as { type?: string; status?: number; code?: string; message?: string };
  if (type === 'entity.too.large' || code === 'LIMIT_FILE_SIZE')
    return new MatvitError('REQUEST_TOO_LARGE', 'the upload is larger than the limit');
  if (code?.startsWith('LIMIT_')) return new MatvitError('REQUEST_INVALID', (message ?? code).toLowerCase());
  if (status !== undefined && status >= 400 && status < 500)
    return new MatvitError('REQUEST_INVALID', message ?? 'it cannot be understood');
  return undefined;
}

export const answerErrors: ErrorRequestHandler = (error, request, response, next) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  const problem = known(error) ?? new MatvitError('INTERNAL', 'the log has more');
  if (problem.status >= 500 && problem.status !== 503) console.error(`${request.method} ${request.path}:`, error);
  // a queue is a second or so long, and a restart takes not much longer
  if (problem.status === 503) response.set('Retry-After', '1');
  response.status(problem.status).type('application/problem+json').send(problemOf(problem));
};

/** The body of an error answer. */
export function problemOf({ code, detail, status }: { code: ErrorCode; detail: string; status: number }): string {
  return JSON.stringify({ type: `urn:matvit:${code}`, title: errorTable[code].title, status, detail, code });
}
