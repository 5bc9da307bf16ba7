/** The OpenAPI 3.1 document of a list of routes. */
import { z } from 'zod';
import { type ErrorCode, errorTable } from '../errors.js';
import type { Answer, Route } from './route.js';

export type Json = { [key: string]: unknown };

/** Any route can give these. */
const common: readonly ErrorCode[] = [
  ...(['REQUEST_INVALID', 'REQUEST_TOO_LARGE', 'RATE_LIMITED', 'REQUEST_TIMEOUT', 'INTERNAL'] as const),
];
const guarded: readonly ErrorCode[] = ['KEY_MISSING', 'ORIGIN_FORBIDDEN', 'SERVER_STOPPING'];
const ofChanges: readonly ErrorCode[] = ['INDEX_READ_ONLY', 'INDEX_LOCKED', 'STORAGE_FAILED', 'CATALOGUE_CORRUPT'];
const ofBodies: readonly ErrorCode[] = ['QUEUE_FULL', 'REQUEST_ABORTED'];

/** The codes that a route can answer with. */
function errorsOf({ access, changes, body, errors = [] }: Route): ErrorCode[] {
  return [
    ...new Set([
      ...common,
      ...(access === 'public' ? [] : guarded),
      ...(access === 'write' ? (['KEY_INSUFFICIENT'] as const) : []),
      ...(changes ? ofChanges : []),
      ...(body ? ofBodies : []),
      ...errors,
    ]),
  ];
}

export function openApi(routes: readonly Route[], version: string): Json {
  const schemas: Record<string, unknown> = {
    Problem: {
      type: 'object',
      description: 'Problem details (RFC 9457)',
      required: ['type', 'title', 'status', 'detail', 'code'],
      additionalProperties: false,
      properties: {
        type: { type: 'string', description: 'urn:matvit:CODE' },
        title: { type: 'string' },
        status: { type: 'integer' },
        detail: { type: 'string', description: 'what happened to what; for people' },
        code: { type: 'string', description: 'stable; for programs', enum: Object.keys(errorTable) },
        request: { type: 'string', description: "the request's id, as in the log" },
      },
    },
  };
  const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
    const { $defs, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
    delete rest['$schema'];
    delete rest['id'];
    const hoisted = (json: unknown): Json =>
      JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
    for (const [name, definition] of Object.entries((($defs ?? {}) as Json) ?? {})) {
      const plain = hoisted(definition);
      delete plain['$schema'];
      delete plain['id'];
      schemas[name] = plain;
    }
    return hoisted(rest);
  };
  const parameters = (schema: z.ZodType | undefined, where: 'path' | 'query' | 'header'): Json[] => {
    if (!schema) return [];
    const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
      properties?: Record<string, Json>;
      required?: string[];
    };
    return Object.entries(properties).map(([name, { description, ...rest }]) => ({
      ...{ name, in: where, required: where === 'path' || required.includes(name) },
      ...(description !== undefined && { description }),
      schema: rest,
    }));
  };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const { method, path, operation, tag, summary, description, params, query, headers, body, access } = route;
    const fields = body?.kind === 'pictures' ? body.fields : query;
    (paths[path] ??= {})[method] = {
      operationId: operation,
      tags: [tag],
      summary,
      ...(description && { description }),
      security: access === 'public' ? [] : [{ key: [] }, { cookie: [] }, {}],
      'x-access': access,
      parameters: [...parameters(params, 'path'), ...parameters(fields, 'query'), ...parameters(headers, 'header')],
      ...(body && { requestBody: requestBody(body, schemaOf) }),
      responses: responsesOf(route, schemaOf),
    };
  }
  return {
    openapi: '3.1.1',
    info: {
      ...{ title: 'matvit', version },
      description: 'Image search whose cost adapts to the time you have.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: 'made by `matvit keys add`; none is asked for on loopback',
        },
        cookie: { type: 'apiKey', in: 'cookie', name: 'matvit-key', description: 'the same, as the page keeps it' },
      },
    },
  };
}

type SchemaOf = (schema: z.ZodType, io: 'input' | 'output') => Json;

function requestBody(body: NonNullable<Route['body']>, schemaOf: SchemaOf): Json {
  const json = { 'application/json': { schema: schemaOf(body.schema, 'input') } };
  if (body.kind === 'json' || body.files.length === 0) return { required: true, content: json };
  const binary = { type: 'string', contentMediaType: 'application/octet-stream' };
  const files = body.files.map((name): [string, Json] => [name, { type: 'array', items: binary }]);
  const { properties } = schemaOf(body.fields, 'input') as { properties: Json };
  const form = { type: 'object', properties: { ...Object.fromEntries(files), ...properties } };
  return {
    required: true,
    // whatever else a picture calls itself, it is known by its bytes
    content: {
      ...json,
      'image/*': { schema: binary },
      'multipart/form-data': { schema: form },
      '*/*': { schema: binary },
    },
  };
}

function responsesOf(route: Route, schemaOf: SchemaOf): Json {
  const { answer, otherwise } = route;
  const responses: Json = { [answer.status]: responseOf(answer, schemaOf), ...problems(errorsOf(route)) };
  if (!otherwise) return responses;
  const own = responseOf(otherwise, schemaOf);
  const problem = responses[otherwise.status] as Json | undefined; // of the same status
  if (!problem) return { ...responses, [otherwise.status]: own };
  const content = { ...(own['content'] as Json), ...(problem['content'] as Json) };
  return { ...responses, [otherwise.status]: { ...problem, ...own, content } };
}

function responseOf({ description, schema, types }: Answer, schemaOf: SchemaOf): Json {
  const content = schema
    ? { 'application/json': { schema: schemaOf(schema, 'output') } }
    : types && Object.fromEntries(types.map(type => [type, {}]));
  return { description, ...(content && { content }) };
}

/** By status, with the codes that come with it. */
function problems(codes: readonly ErrorCode[]): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = errorTable[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, codes]) => [status, { description: codes.join(', '), 'x-codes': codes, content }]),
  );
}
