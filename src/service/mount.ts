/** Makes express answer a list of routes: key, body, validation, handler, in this order. */
import { setMaxListeners } from 'node:events';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { MatvitError } from '../errors.js';
import { checkAccess, clientOf } from './access.js';
import { arrivalOf } from './arrival.js';
import { refusedUnread } from './encoding.js';
import { methodNotAllowed } from './errors.js';
import type { Context, Route } from './route.js';
import type { Service } from './service.js';
import { type Upload, readBody, readForm } from './upload.js';
import { validate } from './validate.js';

/** bytes of a JSON body that brings no pictures */
const maxJson = 2 ** 20;

export function mount(service: Service, routes: readonly Route[]): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const paths = new Map<string, Route[]>();
  for (const route of routes) paths.set(route.path, [...(paths.get(route.path) ?? []), route]);
  for (const [path, here] of paths) {
    const at = router.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const route of here) at[route.method](handler(service, route));
    const methods = here.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
    at.all(methodNotAllowed(...methods));
  }
  return router;
}

function handler(service: Service, route: Route): RequestHandler {
  return async (request, response) => {
    response.locals['route'] = route.path;
    const asked = await read(service, route, request, response).catch((error: unknown) => {
      if (route.tag === 'Search' && route.body?.kind === 'pictures') refusedUnread(service, request, error);
      throw error;
    });
    const gone = new AbortController();
    setMaxListeners(0, gone.signal, response); // each picture of a batch listens; a pipeline, several times
    let sent!: () => void;
    let lost!: (error: unknown) => void;
    const answered = new Promise<void>((resolve, reject) => {
      sent = resolve;
      lost = reject;
    });
    answered.catch(() => undefined); // most handlers do not ask
    response.once('close', () => {
      if (response.writableFinished) return;
      gone.abort();
      lost(aborted());
    });
    const lease = service.searchers.lease();
    response.once('close', lease.release);
    const context: Context<unknown, unknown, unknown> = {
      ...{ request, response, searcher: lease.value, signal: gone.signal, answered },
      ...asked,
    };
    try {
      const result = await route.handle(context);
      if (result !== undefined) {
        answer(response, route.answer.status, result);
        sent();
      } else if (!response.headersSent && route.answer.status === 204) response.status(204).end();
    } catch (error) {
      lost(error);
      throw error;
    }
  };
}

/** What is asked, once it may be and has come. */
async function read(service: Service, route: Route, request: Request, response: Response) {
  if (service.stopping && route.access !== 'public') throw new MatvitError('SERVER_STOPPING', 'ask again in a moment');
  checkAccess(service, route.access, request, response);
  if (route.changes && !service.config.writable)
    throw new MatvitError('INDEX_READ_ONLY', 'start it with --writable to change that');
  const params: unknown = route.params ? validate(route.params, request.params, 'path') : {};
  const client = clientOf(request, response);
  const take = service.uploads.share(client, response);
  const { body, upload, arrivedAt } = await bodyOf(service, route, request, response, take);
  // its 'close' has been, and nothing would give back what is taken from here on
  if (response.closed) throw aborted();
  const given = { ...request.query, ...upload?.fields };
  const fields = route.body?.kind === 'pictures' ? route.body.fields : route.query;
  for (const [name, value] of Object.entries(given))
    if (value === '') throw new MatvitError('REQUEST_INVALID', `${name} is empty`);
  const isJson = route.body?.kind === 'pictures' && !upload;
  // an unknown field is refused even where there are none
  const query: unknown = fields && !isJson ? validate(fields, given, 'query') : checkNone(given, isJson);
  return { params, query, body, upload, arrivedAt, client, take };
}

const aborted = () => new MatvitError('REQUEST_ABORTED', 'nobody waits for the answer');

/** As one string, which goes out with its head in one write; express's `json` makes a buffer of it first. */
function answer(response: Response, status: number, result: unknown): void {
  response.status(status).set('Content-Type', 'application/json; charset=utf-8').end(JSON.stringify(result));
}

/** @param isJson are the fields in a body of JSON? */
function checkNone(given: object, isJson: boolean): object {
  const [name] = Object.keys(given);
  if (name === undefined) return {};
  const reason = isJson ? `'${name}' belongs into the JSON` : `'${name}' is unknown; there are no fields`;
  throw new MatvitError('REQUEST_INVALID', `query: ${reason}`);
}

async function bodyOf(
  service: Service,
  { body }: Route,
  request: Request,
  response: Response,
  take: (bytes: number) => void,
): Promise<{ body?: unknown; upload?: Upload; arrivedAt: number }> {
  const arrived = <T extends object>(what: T) => ({ ...what, arrivedAt: arrivalOf(request) });
  if (!body) return arrived({});
  const { maxBytes, maxPictures } = service.config;
  const isJson = Boolean(request.is('application/json'));
  if (body.kind === 'json' || isJson) {
    if (!isJson) throw new MatvitError('REQUEST_INVALID', 'the body must be JSON, with the type application/json');
    // base64 is a third longer than what it says
    const limit = body.kind === 'json' ? maxJson : Math.ceil(1.4 * maxBytes) + maxJson;
    const { bytes, arrivedAt } = arrived({ bytes: await readBody(request, limit, take) });
    return { body: validate(body.schema, parseJson(bytes), 'body'), arrivedAt };
  }
  if (request.is('multipart/form-data'))
    return arrived({ upload: await readForm(request, response, body.files, { maxBytes, maxPictures }, take) });
  const bytes = await readBody(request, maxBytes, take);
  // no picture begins like that, but JSON that `curl -d` sends
  if (body.files.length > 0 && bytes[0] === '{'.charCodeAt(0))
    throw new MatvitError('IMAGE_UNSUPPORTED', 'it begins like JSON, which needs Content-Type: application/json');
  const files = bytes.length === 0 ? [] : [{ field: body.files[0]!, name: '', bytes }];
  return arrived({ upload: { files, fields: {} } });
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new MatvitError('REQUEST_INVALID', 'the body is not JSON');
  }
}
