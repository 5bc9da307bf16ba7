import type { Request, Response } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';
import { MatvitError } from '../errors.js';
import type { Access } from './keys.js';
import type { Service } from './service.js';

/** Answers reached without a key would otherwise be open to every page in a browser on this machine. */
const loopbackNames = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** @throws KEY_MISSING, KEY_INSUFFICIENT, ORIGIN_FORBIDDEN */
export function checkAccess(service: Service, access: Access | 'public', request: Request, response: Response): void {
  if (access === 'public') return;
  if (!service.needsKey) {
    checkLocal(service.config.origins, request);
    return;
  }
  const { origins } = service.config;
  const [, presented] =
    /^Bearer ([\w-]{1,200})$/i.exec(request.get('Authorization') ?? '') ?? inCookie(origins, request);
  const key = presented === undefined ? undefined : service.keys.find(presented);
  if (!key) {
    response.set('WWW-Authenticate', 'Bearer realm="matvit"');
    throw new MatvitError('KEY_MISSING', 'send it as Authorization: Bearer KEY; `matvit keys add NAME` makes one');
  }
  response.locals['key'] = key.name;
  if (access === 'write' && key.access !== 'write')
    throw new MatvitError('KEY_INSUFFICIENT', `'${key.name}' may only read`);
}

/**
 * The page keeps its key in a cookie, so that pictures come with it too. Browsers send that along whoever makes them ask:
 * SameSite keeps other sites away, and this other ports of this one. Behind a proxy that passes on no Host, the page's own
 * origin is one that is set.
 */
function inCookie(origins: readonly string[], request: Request): RegExpExecArray | [] {
  const cookie = /(?:^|;\s*)matvit-key=([\w-]{1,200})(?:;|$)/.exec(request.get('Cookie') ?? '');
  const origin = request.get('Origin');
  const isOwn = origin?.replace(/^https?:\/\//, '') === request.get('Host');
  if (!cookie || origin === undefined || isOwn || origins.includes(origin)) return cookie ?? [];
  throw new MatvitError('ORIGIN_FORBIDDEN', `${origin.slice(0, 100)} is not the page's own origin`);
}

/**
 * Without keys, the machine's own programs are trusted but not what strangers' pages make its browser do: neither by a
 * name that was rebound to this address (Host), nor across sites (Origin).
 */
function checkLocal(origins: readonly string[], request: Request): void {
  const host = request.get('Host') ?? '';
  if (!loopbackNames.test(host)) throw new MatvitError('ORIGIN_FORBIDDEN', `it was asked for as ${host.slice(0, 100)}`);
  const origin = request.get('Origin');
  if (origin !== undefined && origin !== `http://${host}` && !origins.includes(origin))
    throw new MatvitError('ORIGIN_FORBIDDEN', `${origin.slice(0, 100)} is not among the origins that may ask`);
}

/** Clients share the encoder and the memory: whoever has a key is known by it, others by their address, as for the rate limit. */
export function clientOf({ ip = '' }: Request, { locals }: Response): string {
  const key = locals['key'] as string | undefined;
  return key === undefined ? `ip ${ipKeyGenerator(ip)}` : `key ${key}`;
}
