import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import SwaggerParser from '@apidevtools/swagger-parser';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type ErrorCode, errorTable } from '../../src/errors.js';
import type { Searcher } from '../../src/search/searcher.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import { texture } from '../image/fixtures.js';
import type { Service } from '../../src/service/service.js';
import { smallSearcher } from '../support/small.js';
import { testService } from '../support/service.js';
import { temporaryFolder } from '../support/temporary.js';

interface Operation {
  readonly operationId: string;
  readonly 'x-access': string;
  readonly parameters: readonly { readonly name: string; readonly in: 'path' | 'query' | 'header' }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, { 'x-codes'?: string[]; content?: Record<string, { schema?: object }> }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

/** What no number, text, list or object of the API can be. */
const wrong = [null, true, -1, 1.5, 1e300, '', 'x'.repeat(5000), '\0', [], [[]], {}, { __proto__x: 1 }];
const wrongTexts = ['-1', '1.5', '1e300', 'x', '%00', '[]', '{', 'null', 'x'.repeat(3000), '<script>', '..%2f..'];

const report = { added: 0, updated: 0, unchanged: 0, removed: 0, embedded: 0, ignored: 0, failures: 0, failed: [] };

describe('the OpenAPI document', function () {
  this.timeout(120_000);
  const inFolder = temporaryFolder();
  let searcher: Searcher;
  let server: RunningServer;
  let document: Document;
  let bodies: Record<string, Record<string, unknown>>;
  /** of the picture that an operation is about, by its id; else 1 */
  let ids: Record<string, string>;
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  let service: Service;
  before(async () => {
    searcher = await smallSearcher(inFolder('.'), 12);
    service = testService(searcher, { writable: true });
    server = await startServer(service);
    const added = await service.writerOf(searcher).add({ picture: await texture(64, 64).png().toBuffer() });
    service.jobs.start('reindex', () => Promise.resolve({ ...report, seconds: 0 }));
    const job = service.jobs.latest!.id;
    await service.jobs.stop();
    ids = {
      job,
      followJob: job,
      cancelJob: job,
      replaceImage: String(added.image.id),
      editImage: '2',
      deleteImage: '12',
    };
    document = (await (await fetch(`${server.url}/v1/openapi.json`)).json()) as Document;
    ajv.addSchema({ $id: 'doc', components: document.components });
    const image = (await readFile(inFolder('pictures/2/005.png'))).toString('base64');
    const like = [{ id: 1 }, { image, weight: 0.5, crop: { x: 0, y: 0, width: 0.5, height: 1 } }];
    const asked = {
      like,
      unlike: [{ id: 2 }],
      k: 3,
      minScore: -1,
      filter: { label: '2' },
      facets: ['label'],
      collapse: 0.9,
      at: 'S@96',
    };
    const vector = Array.from({ length: 24 }, (_, i) => i + 1);
    bodies = {
      search: { ...asked, budgetMs: 5000, minFidelity: 0, onMiss: 'best' },
      searchBatch: { queries: [asked, { like: [{ id: 3 }] }] },
      searchVector: { vector, k: 3, filter: {}, minScore: -1 },
      embed: { image, at: 'S@96' },
      addImages: { pictures: [{ image, path: 'added/1.png', metadata: { label: 'x' } }] },
      replaceImage: { image },
      editImage: { metadata: { label: null, price: 3 } },
    };
  });
  after(async () => {
    await server.stop();
    await searcher.close();
  });

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
    );
  type Listed = ReturnType<typeof operations>[number];

  async function ask(
    { path, method }: Listed,
    id: string,
    query: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const init = { method: method.toUpperCase(), headers: { ...headers } };
    if (body !== undefined) init.headers['Content-Type'] = 'application/json';
    const url = `${server.url}${path.replace('{id}', id)}${query && `?${query}`}`;
    return fetch(url, { ...init, ...(body !== undefined && { body: JSON.stringify(body) }) });
  }
  /** The answer is as documented for its status. @returns the status */
  async function check(operation: Listed, response: Response, name: string): Promise<number> {
    const documented = operation.responses[response.status];
    const text = await response.text();
    assert.ok(documented, `${operation.operationId}: ${name} gave ${response.status}: ${text.slice(0, 300)}`);
    if (/^application\/problem\+json/.test(response.headers.get('content-type') ?? '')) {
      const problem = JSON.parse(text) as { code: ErrorCode; status: number; detail: string };
      assert.ok(documented['x-codes']!.includes(problem.code), `${operation.operationId}: ${name}: ${text}`);
      assert.deepEqual([problem.status, errorTable[problem.code].status], [response.status, response.status]);
      assert.ok(ajv.validate('doc#/components/schemas/Problem', problem), ajv.errorsText());
      return response.status;
    }
    const schema = documented.content?.['application/json']?.schema;
    assert.ok(schema || response.status < 400, `${operation.operationId}: ${name} gave no problem: ${text}`);
    if (!schema) return response.status;
    const local = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"doc#/components')) as object;
    assert.ok(
      ajv.validate(local, JSON.parse(text)),
      `${operation.operationId}: ${ajv.errorsText()}: ${text.slice(0, 300)}`,
    );
    return response.status;
  }

  it('is valid OpenAPI 3.1', async () => {
    await SwaggerParser.validate(structuredClone(document) as never);
  });

  it('describes what the routes answer to valid requests', async () => {
    for (const operation of operations()) {
      while (service.jobs.latest?.state === 'running') await sleep(20);
      const status = await check(
        operation,
        await ask(operation, ids[operation.operationId] ?? '1', '', bodies[operation.operationId]),
        'a valid request',
      );
      assert.ok(status < 300, operation.operationId);
    }
  });

  it('describes the answer to a client that has a thumbnail already', async () => {
    const operation = operations().find(({ operationId }) => operationId === 'thumbnail')!;
    const etag = (await ask(operation, '1', '')).headers.get('etag')!;
    const response = await ask(operation, '1', '', undefined, { 'If-None-Match': etag });
    assert.equal(await check(operation, response, 'a thumbnail that is known'), 304);
    assert.deepEqual(Object.keys(operation.responses['304']!), ['description']);
  });

  it('describes what the public routes answer while the server drains and stops', async () => {
    const answered = async () => {
      const statuses: Record<string, number> = {};
      for (const operation of operations().filter(one => one['x-access'] === 'public')) {
        const response = await ask(operation, '1', '');
        statuses[operation.path] = await check(operation, response, 'a server that is stopping');
      }
      return statuses;
    };
    service.draining = true;
    assert.deepEqual(await answered(), { '/healthz': 200, '/readyz': 503 });
    service.stopping = true;
    assert.deepEqual(await answered(), { '/healthz': 503, '/readyz': 503 });
    service.draining = service.stopping = false;
    for (const { path, responses, 'x-access': access } of operations()) {
      const isNamed = responses['503']?.['x-codes']?.includes('SERVER_STOPPING') ?? false;
      assert.equal(isNamed, access !== 'public', path);
    }
  });

  it('has a code for every invalid request, of which none is a failure of the server', async () => {
    let cases = 0;
    const refuses = async (operation: Listed, name: string, id: string, query: string, body?: unknown) => {
      const status = await check(operation, await ask(operation, id, query, body), name);
      assert.ok(status < 500, `${name}: ${status}`);
      cases++;
      return status;
    };
    for (const operation of operations()) {
      const { operationId, parameters, path } = operation;
      const body = bodies[operationId];
      const id = ids[operationId] ?? '1';
      assert.equal(await refuses(operation, 'an unknown field', id, 'colour=red', body), 400, operationId);
      for (const { name, in: where } of parameters)
        for (const text of wrongTexts)
          if (where === 'query') await refuses(operation, `${name}=${text}`, id, `${name}=${text}`, body);
          else if (where === 'header') {
            const response = await ask(operation, id, '', body, { [name]: text });
            assert.ok((await check(operation, response, `${name}: ${text}`)) < 500);
          }
      if (path.includes('{id}'))
        for (const id of ['0', '-1', '99999', 'x', '1.0', '%00']) await refuses(operation, id, id, '');
      if (!body) continue;
      for (const value of wrong) await refuses(operation, JSON.stringify(value), id, '', value);
      for (const key of [...Object.keys(body), 'unknown'])
        for (const value of wrong) {
          const status = await refuses(operation, `${key}: ${JSON.stringify(value).slice(0, 40)}`, id, '', {
            ...body,
            [key]: value,
          });
          if (key === 'unknown') assert.equal(status, 400);
        }
    }
    assert.ok(cases >= 200, String(cases));
  });

  it('has bodies only of the types that are taken, and the header that carries a budget', () => {
    const types = (id: string) =>
      Object.keys(operations().find(({ operationId }) => operationId === id)!.requestBody!.content);
    assert.deepEqual(types('search'), ['application/json', 'image/*', 'multipart/form-data', '*/*']);
    assert.deepEqual(types('searchBatch'), ['application/json']);
    const budgeted = operations().filter(({ parameters }) => parameters.some(({ in: where }) => where === 'header'));
    assert.deepEqual(budgeted.map(({ operationId }) => operationId), ['search', 'searchBatch', 'embed']); // prettier-ignore
    for (const { parameters } of budgeted)
      assert.ok(parameters.some(({ name, in: where }) => where === 'header' && name === 'X-Latency-Budget-Ms'));
  });

  it('names the field that was meant', async () => {
    const search = operations().find(({ operationId }) => operationId === 'search')!;
    for (const [body, meant] of [
      [{ like: [{ id: 1 }], K: 3 }, 'k'],
      [{ like: [{ id: 1, wieght: 2 }] }, 'weight'],
      [{ like: [{ id: 1, crop: { x: 0, y: 0, width: 1, hight: 1 } }] }, 'height'],
      [{ like: [{ id: 1 }], minscore: 0 }, 'minScore'],
    ] as const) {
      const { detail } = (await (await ask(search, '1', '', body)).json()) as { detail: string };
      assert.match(detail, new RegExp(`is unknown; did you mean '${meant}'`));
    }
  });
});
