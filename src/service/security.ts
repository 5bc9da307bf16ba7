/** What every answer carries, and what is refused before anything looks at a request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import type { Config } from '../config.js';
import { MatvitError } from '../errors.js';

/** The page and the viewer bring all that they use with them, and nothing may be put around them. */
const protect = () =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'self'"],
        'img-src': ["'self'", 'blob:', 'data:'],
        'object-src': ["'none'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
    },
    // whoever serves it by TLS says so in front of it
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
  });

/** Helmet says the same of every answer, so it is asked once. */
export function securityHeaders(): RequestHandler {
  const headers = new Map<string, string>();
  const recorder = { setHeader: (name: string, value: string) => headers.set(name, value), removeHeader: () => {} };
  protect()({} as IncomingMessage, recorder as unknown as ServerResponse, () => {});
  return (_request, response, next) => {
    response.setHeaders(headers);
    next();
  };
}

/** Requests a minute from one address; IPv6 by its /56, of which one client may have all. */
export const limitRate = ({ rateLimit: limit }: Config): RequestHandler =>
  limit === 0
    ? (_request, _response, next) => next()
    : rateLimit({
        ...{ windowMs: 60_000, limit, standardHeaders: 'draft-8', legacyHeaders: false, validate: false },
        handler: (_request, _response, next) => next(new MatvitError('RATE_LIMITED', `more than ${limit} a minute`)),
      });

/** Answers the pages of other sites that the configuration lists. */
export const allowOrigins =
  ({ origins }: Config): RequestHandler =>
  (request, response, next) => {
    const origin = request.get('Origin');
    if (origins.length > 0) response.vary('Origin');
    if (origin === undefined || !origins.includes(origin)) {
      next();
      return;
    }
    response.set('Access-Control-Allow-Origin', origin);
    response.set('Access-Control-Expose-Headers', 'X-Request-Id, Retry-After');
    response.set('Cross-Origin-Resource-Policy', 'cross-origin');
    if (request.method !== 'OPTIONS' || request.get('Access-Control-Request-Method') === undefined) {
      next();
      return;
    }
    response.set('Access-Control-Allow-Methods', 'GET, HEAD, POST, PUT, PATCH, DELETE');
    response.set('Access-Control-Allow-Headers', 'Authorization, Content-Type, X-Latency-Budget-Ms, X-Request-Id');
    response.set('Access-Control-Max-Age', '600').status(204).end();
  };
