import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, type RequestOptions, request as httpRequest } from 'node:http';
import { type Socket, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import type { ImageIndex } from '../../src/corpus/image-index.js';
import { type ErrorCode, errorTable } from '../../src/errors.js';
import { sharp } from '../../src/image/sharp.js';
import type { SearchAnswer, Searcher } from '../../src/search/searcher.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import type { Service } from '../../src/service/service.js';
import { texture } from '../image/fixtures.js';
import { testService } from '../support/service.js';
import { smallSearcher } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

const count = 24;
const limits = { maxBytes: 100_000, maxPixels: 1e6 };

describe('the HTTP service', () => {
  const inFolder = temporaryFolder();
  let searcher: Searcher<ImageIndex>;
  let service: Service;
  let server: RunningServer;
  let picture: Buffer;
  before(async () => {
    searcher = await smallSearcher(inFolder('.'), count);
    picture = await readFile(inFolder('pictures/2/005.png'));
  });
  after(() => searcher.close());
  beforeEach(async () => {
    service = testService(searcher, limits);
    server = await startServer(service);
  });
  afterEach(() => server.stop());

  const get = (path: string, init?: RequestInit) => fetch(server.url + path, init);
  const post = (path: string, body: RequestInit['body'], headers: Record<string, string> = {}) =>
    fetch(server.url + path, { method: 'POST', body: body ?? null, headers });
  const blob = (bytes: Uint8Array) => new Blob([Uint8Array.from(bytes)]);
  const formOf = (bytes: Uint8Array, fields: Record<string, string> = {}): FormData => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set('image', blob(bytes), 'query.png');
    return form;
  };
  const answerOf = async (response: Response): Promise<SearchAnswer> => {
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as SearchAnswer;
  };
  /** Through node:http, which leaves a path as it is. */
  const send = (options: RequestOptions): ClientRequest => {
    const { hostname, port } = new URL(server.url);
    return httpRequest({ hostname, port, ...options });
  };
  const responseTo = async (request: ClientRequest): Promise<IncomingMessage> =>
    ((await once(request, 'response')) as [IncomingMessage])[0];

  function checkProblem(status: number | undefined, type: string | null | undefined, body: string, code: ErrorCode) {
    const problem = JSON.parse(body) as Record<string, unknown>;
    const { detail, ...rest } = problem;
    delete rest['request'];
    const expected = {
      type: `urn:matvit:${code}`,
      code,
      title: errorTable[code].title,
      status: errorTable[code].status,
    };
    assert.deepEqual(rest, expected, body);
    assert.ok(typeof detail === 'string' && detail.length > 0 && !detail.includes(inFolder('')), body);
    assert.equal(status, errorTable[code].status);
    assert.match(type ?? '', /^application\/problem\+json/);
  }
  const expectProblem = async (response: Response, code: ErrorCode): Promise<Response> => {
    checkProblem(response.status, response.headers.get('content-type'), await response.text(), code);
    return response;
  };

  describe('POST /v1/search', () => {
    it('takes a picture as the body', async () => {
      const answer = await answerOf(await post('/v1/search', picture));
      assert.deepEqual(Object.keys(answer), ['hits', 'next', 'cost']);
      const { hits, cost } = answer;
      assert.equal(hits.length, 10);
      const { id, score, ...rest } = hits[0]!;
      assert.deepEqual(rest, { path: '2/005.png', metadata: { label: '2' } });
      assert.ok(Number.isInteger(id) && score > 0.999);
      const fields = ['at', 'why', 'fidelity', 'relativeMacs', 'cores', 'ms', 'predictedMs', 'waiting', 'rate'];
      assert.deepEqual(Object.keys(cost), fields); // and no budget
      assert.deepEqual([cost.why, cost.fidelity], ['no budget', 1]);
      assert.deepEqual([cost.at, cost.relativeMacs], ['XL@224:fp32', 1]);
      assert.deepEqual(Object.keys(cost.ms), ['decode', 'wait', 'encode', 'search', 'total']);
      assert.ok(Object.values(cost.ms).every(ms => ms >= 0));
    });

    it('takes it whatever type is declared, and compressed', async () => {
      for (const type of ['image/png', 'text/plain', 'application/x-www-form-urlencoded'])
        assert.equal((await answerOf(await post('/v1/search', picture, { 'Content-Type': type }))).hits.length, 10);
      const answer = await answerOf(await post('/v1/search', gzipSync(picture), { 'Content-Encoding': 'gzip' }));
      assert.equal(answer.hits[0]!.path, '2/005.png');
    });

    it('takes a picture as a file of a form', async () => {
      const { hits } = await answerOf(await post('/v1/search', formOf(picture)));
      assert.deepEqual([hits.length, hits[0]!.path], [10, '2/005.png']);
    });

    it('takes k and at from the query or from the form, which goes first', async () => {
      const at = 'S@112:int8';
      const cases = [
        await post(`/v1/search?k=3&at=${at}`, picture),
        await post(`/v1/search?k=3&at=${at}`, formOf(picture)),
        await post('/v1/search', formOf(picture, { k: '3', at })),
        await post('/v1/search?k=7&at=XL', formOf(picture, { k: '3', at })),
      ];
      for (const response of cases) {
        const { hits, cost } = await answerOf(response);
        assert.deepEqual([hits.length, cost.at], [3, at]);
        assert.ok(cost.relativeMacs < 0.5);
      }
      assert.equal((await answerOf(await post('/v1/search?k=1000', picture))).hits.length, count);
    });

    it('refuses what it does not know and what is out of range', async () => {
      for (const query of [
        'K=3',
        'limit=3',
        'k=',
        'k=0',
        'k=-1',
        'k=1.5',
        'k=ten',
        'k=1001',
        'k=1e99',
        'k=1&k=2',
        'at=S&at=L',
      ])
        await expectProblem(await post(`/v1/search?${query}`, picture), 'REQUEST_INVALID');
      await expectProblem(await post('/v1/search', formOf(picture, { colour: 'red' })), 'REQUEST_INVALID');
      await expectProblem(await post('/v1/search', formOf(picture, { k: '0' })), 'REQUEST_INVALID');
      for (const field of ['k[a]', 'k[4294967294]', 'k[0][0]'])
        await expectProblem(await post('/v1/search', formOf(picture, { [field]: '1' })), 'REQUEST_INVALID');
      await expectProblem(await post(`/v1/search?facets=${'a,'.repeat(20)}a`, picture), 'REQUEST_INVALID');
      await expectProblem(await post(`/v1/search?at=${'S'.repeat(200)}`, picture), 'REQUEST_INVALID');
      for (const [at, code] of [
        ['nothing', 'OPERATING_POINT_INVALID'],
        ['', 'REQUEST_INVALID'],
        ['S:int4', 'OPERATING_POINT_INVALID'],
        ['Q', 'SUBMODEL_INVALID'],
        ['S1-L2', 'SUBMODEL_INVALID'],
        ['S@100', 'RESOLUTION_INVALID'],
        ['S@0', 'RESOLUTION_INVALID'],
        ['S@99984', 'RESOLUTION_INVALID'],
      ] as const)
        await expectProblem(await post(`/v1/search?at=${at}`, picture), code);
    });

    it('refuses a crop that is not within the picture, but for rounding', async () => {
      const search = async ([x, y, width, height]: number[], isJson: boolean) => {
        if (!isJson) return post(`/v1/search?crop=${[x, y, width, height].join()}`, picture);
        const body = { like: [{ id: 1, crop: { x, y, width, height } }] };
        return post('/v1/search', JSON.stringify(body), { 'Content-Type': 'application/json' });
      };
      for (const isJson of [false, true]) {
        for (const crop of [
          [1, 1, 0.5, 0.5],
          [1, 0, 0.00001, 1],
          [0.6, 0, 0.5, 1],
          [0, 0.6, 1, 0.5],
          [0, 0, 0, 1],
          [0, 0, 1, 1.1],
        ])
          await expectProblem(await search(crop, isJson), 'REQUEST_INVALID');
        for (const crop of [
          [0, 0, 1, 1],
          [0.33334, 0.12346, 0.66667, 0.87655],
        ])
          await answerOf(await search(crop, isJson));
      }
    });

    it('refuses what is no picture, with the reason', async () => {
      const jpeg = await texture().jpeg().toBuffer();
      const cases: [Uint8Array, ErrorCode][] = [
        [jpeg.subarray(0, jpeg.length / 2), 'IMAGE_UNREADABLE'],
        [Buffer.from('not a picture'), 'IMAGE_UNSUPPORTED'],
        [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'IMAGE_UNSUPPORTED'],
      ];
      for (const [bytes, code] of cases) {
        await expectProblem(await post('/v1/search', bytes), code);
        await expectProblem(await post('/v1/search', formOf(bytes)), code);
      }
    });

    it('says what JSON needs that is sent without its type', async () => {
      const response = await post('/v1/search', '{"like":[{"id":1}]}', {
        'Content-Type': 'application/x-www-form-urlencoded',
      });
      assert.match(await response.clone().text(), /it begins like JSON, which needs Content-Type: application\/json/);
      await expectProblem(response, 'IMAGE_UNSUPPORTED');
    });

    it('refuses a request without a picture', async () => {
      await expectProblem(await post('/v1/search', null), 'REQUEST_INVALID');
      await expectProblem(await post('/v1/search', ''), 'REQUEST_INVALID');
      await expectProblem(await post('/v1/search', formOf(Buffer.alloc(0))), 'REQUEST_INVALID');
      const form = new FormData();
      form.set('k', '3');
      await expectProblem(await post('/v1/search', form), 'REQUEST_INVALID');
      form.set('image', 'text');
      await expectProblem(await post('/v1/search', form), 'REQUEST_INVALID');
    });

    it('refuses what is larger than the limit', async () => {
      const large = Buffer.concat([picture, Buffer.alloc(limits.maxBytes)]);
      await expectProblem(await post('/v1/search', large), 'REQUEST_TOO_LARGE');
      await expectProblem(await post('/v1/search', formOf(large)), 'REQUEST_TOO_LARGE');
      await expectProblem(
        await post('/v1/search', gzipSync(large), { 'Content-Encoding': 'GZIP' }),
        'REQUEST_TOO_LARGE',
      );
      // without a length, so that only counting can tell
      const stream = new ReadableStream({
        start(controller) {
          for (let i = 0; i < 20; i++) controller.enqueue(new Uint8Array(10_000));
          controller.close();
        },
      });
      const response = await get('/v1/search', { method: 'POST', body: stream, duplex: 'half' });
      await expectProblem(response, 'REQUEST_TOO_LARGE');
      await answerOf(await post('/v1/search', picture));
    });

    it('refuses an encoding that it cannot undo', async () => {
      for (const encoding of ['zip', 'constructor'])
        await expectProblem(await post('/v1/search', picture, { 'Content-Encoding': encoding }), 'REQUEST_INVALID');
      await expectProblem(await post('/v1/search', picture, { 'Content-Encoding': 'gzip' }), 'REQUEST_INVALID');
    });

    it('refuses malformed forms', async () => {
      const part = 'Content-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n';
      const malformed: [type: string, body: string][] = [
        ['multipart/form-data', `--x\r\n${part}abc\r\n--x--\r\n`],
        ['multipart/form-data; boundary=', `--x\r\n${part}abc\r\n--x--\r\n`],
        ['multipart/form-data; boundary=x', ''],
        ['multipart/form-data; boundary=x', 'no boundary in here'],
        ['multipart/form-data; boundary=x', `--x\r\n${part}abc`],
        ['multipart/form-data; boundary=x', `--x\r\n${part}abc\r\n--y--\r\n`],
        ['multipart/form-data; boundary=x', '--x\r\nnonsense\r\n\r\nabc\r\n--x--\r\n'],
        ['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--x--\r\n'],
        ['multipart/form-data; boundary=x', `--x\r\n${part.replace('image', 'photo')}abc\r\n--x--\r\n`],
        [
          'multipart/form-data; boundary=x',
          '--x\r\nContent-Disposition: form-data; name="__proto__[k]"\r\n\r\n1\r\n--x--\r\n',
        ],
      ];
      for (const [type, body] of malformed)
        await expectProblem(await post('/v1/search', body, { 'Content-Type': type }), 'REQUEST_INVALID');
      const form = formOf(picture);
      for (let i = 0; i < 20; i++) form.append('k', '1');
      await expectProblem(await post('/v1/search', form), 'REQUEST_INVALID');
    });

    it('names the file of a form that it does not take, and those that it does', async () => {
      for (const [path, expected] of [
        ['/v1/search', "'file' is unexpected; the files of this form are image, unlike"],
        ['/v1/embed', "'file' is unexpected; the files of this form are image"],
        ['/v1/search/batch', "'file' is unexpected; JSON is taken here"],
      ] as const) {
        const form = new FormData();
        form.set('file', blob(picture), 'query.png');
        const response = await post(path, form);
        const { detail } = (await response.clone().json()) as { detail: string };
        assert.equal(detail, expected);
        await expectProblem(response, 'REQUEST_INVALID');
      }
    });

    it('is not disturbed by clients that go away in the middle of an upload', async () => {
      for (const type of ['image/png', 'multipart/form-data; boundary=x']) {
        const headers = { Expect: '100-continue', 'Content-Type': type, 'Content-Length': 50_000 };
        const request = send({ path: '/v1/search', method: 'POST', headers });
        request.on('error', () => undefined);
        request.flushHeaders();
        await once(request, 'continue');
        request.write('--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n');
        const closed = new Promise(resolve => request.once('close', resolve));
        request.destroy();
        await closed;
      }
      const answer = await answerOf(await post('/v1/search', picture));
      assert.equal(answer.hits[0]!.path, '2/005.png');
    });

    it('answers many at the same time', async () => {
      const { catalogue } = searcher.index;
      const answers = await Promise.all(
        catalogue.images().map(async ({ path }) => {
          const response = await post('/v1/search?k=1', await readFile(inFolder(`pictures/${path}`)));
          return [path, (await answerOf(response)).hits[0]!.path];
        }),
      );
      for (const [path, found] of answers) assert.equal(found, path);
    });
  });

  it('embeds one picture', async () => {
    const form = formOf(picture);
    assert.equal((await post('/v1/embed', form)).status, 200);
    form.append('image', blob(picture), 'other.png');
    const response = await post('/v1/embed', form);
    assert.match(((await response.clone().json()) as { detail: string }).detail, /^send one picture$/);
    await expectProblem(response, 'REQUEST_INVALID');
  });

  it('folds near-duplicates into the best of them', async () => {
    const search = async (query: string) => (await answerOf(await post(`/v1/search?${query}`, picture))).hits;
    const plain = await search(`k=${count}`);
    const [only] = await search('k=5&collapse=0');
    assert.equal(only!.id, plain[0]!.id);
    assert.ok(only!.duplicates!.length > 3);
    assert.deepEqual(only!.duplicates![0], plain[1]);
    assert.ok((await search('k=5&collapse=1')).every(({ duplicates }) => duplicates!.length === 0));
    for (const collapse of ['true', '0.9']) {
      const hits = await search(`k=${count}&collapse=${collapse}`);
      const all = hits.flatMap(({ id, duplicates }) => [id, ...duplicates!.map(other => other.id)]);
      assert.deepEqual(all.sort((a, b) => a - b), plain.map(({ id }) => id).sort((a, b) => a - b)); // prettier-ignore
    }
    assert.ok((await search('k=5&collapse=false')).every(hit => !('duplicates' in hit)));
    const body = JSON.stringify({ like: [{ id: only!.id }], collapse: true });
    assert.ok(
      (await answerOf(await post('/v1/search', body, { 'Content-Type': 'application/json' }))).hits[0]!.duplicates,
    );
    for (const collapse of ['yes', '2', '-1'])
      await expectProblem(await post(`/v1/search?collapse=${collapse}`, picture), 'REQUEST_INVALID');
  });

  describe('GET /v1/images', () => {
    it('says what the catalogue knows', async () => {
      const { hits } = await answerOf(await post('/v1/search?k=1', picture));
      const id = hits[0]!.id;
      const response = await get(`/v1/images/${id}`);
      assert.equal(response.status, 200);
      const { sha256, ...rest } = (await response.json()) as { sha256: string };
      assert.match(sha256, /^[0-9a-f]{64}$/);
      const thumbnail = `/v1/images/${id}/thumbnail?v=${sha256.slice(0, 16)}`;
      const known = { id, path: '2/005.png', size: picture.length, metadata: { label: '2' } };
      assert.deepEqual(rest, { ...known, stored: false, thumbnail });
    });

    it('has a thumbnail, which is not sent twice', async () => {
      const response = await get('/v1/images/1/thumbnail');
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'image/webp');
      const { format, width, height } = await sharp(await response.arrayBuffer()).metadata();
      assert.deepEqual([format, width, height], ['webp', 40, 40]);
      const etag = response.headers.get('etag')!;
      const again = await get('/v1/images/1/thumbnail', { headers: { 'If-None-Match': etag } });
      assert.deepEqual([again.status, again.headers.get('etag'), await again.text()], [304, etag, '']);
      const other = await get('/v1/images/2/thumbnail', { headers: { 'If-None-Match': etag } });
      assert.equal(other.status, 200);
      assert.notEqual(other.headers.get('etag'), etag);
    });

    it('answers HEAD', async () => {
      for (const path of ['/v1/images/1', '/v1/images/1/thumbnail', '/healthz']) {
        const response = await get(path, { method: 'HEAD' });
        assert.deepEqual([response.status, await response.text()], [200, '']);
      }
    });

    it('has nothing under other ids', async () => {
      const ids = ['0', '-1', '1.0', '1e0', '0x1', '01', '+1', '%201', '99', '99999999999999999999', 'Infinity', 'NaN'];
      const paths = ['..', '../..', '%2e%2e', '%2e%2e%2f', '..%2f..%2fetc%2fpasswd', '%2fetc%2fpasswd', '1%00', '%0a'];
      for (const id of [...ids, ...paths])
        for (const rest of ['', '/thumbnail']) {
          const response = await responseTo(send({ path: `/v1/images/${id}${rest}` }).end());
          checkProblem(response.statusCode, response.headers['content-type'], await text(response), 'NOT_FOUND');
        }
      const response = await responseTo(send({ path: '/v1/images/%zz' }).end());
      checkProblem(response.statusCode, response.headers['content-type'], await text(response), 'REQUEST_INVALID');
    });

    it('says so when a picture has gone or is damaged', async () => {
      const { id, path } = searcher.index.catalogue.images().at(-1)!; // no test has asked for its thumbnail
      const file = inFolder(`pictures/${path}`);
      const bytes = await readFile(file);
      for (const [change, code] of [
        [() => rm(file), 'FILE_UNREADABLE'],
        [() => writeFile(file, bytes.subarray(0, 50)), 'IMAGE_UNREADABLE'],
        [() => writeFile(file, ''), 'IMAGE_EMPTY'],
      ] as const) {
        await change();
        const response = await expectProblem(await get(`/v1/images/${id}/thumbnail`), code);
        assert.equal(response.headers.get('etag'), null);
        assert.equal((await get(`/v1/images/${id}`)).status, 200);
      }
      await writeFile(file, bytes);
      assert.equal((await get(`/v1/images/${id}/thumbnail`)).status, 200);
    });
  });

  it('names the methods that a resource supports', async () => {
    for (const [path, method, allow] of [
      ['/v1/search', 'GET', 'POST'],
      ['/v1/search', 'DELETE', 'POST'],
      ['/v1/images/1', 'POST', 'GET, HEAD, PUT, PATCH, DELETE'],
      ['/v1/images', 'DELETE', 'GET, HEAD, POST'],
      ['/v1/images/1/thumbnail', 'PUT', 'GET, HEAD'],
      ['/healthz', 'POST', 'GET, HEAD'],
    ] as const) {
      const response = await expectProblem(await get(path, { method }), 'METHOD_NOT_ALLOWED');
      assert.equal(response.headers.get('allow'), allow);
    }
  });

  it('has nothing elsewhere, least of all other files', async () => {
    for (const path of ['/nothing', '/v1', '/v1/nothing', '/v1/images/', '/v1/images/1/x', '/v1/search/x'])
      await expectProblem(await get(path), 'NOT_FOUND');
    await expectProblem(await post('/nothing', picture), 'NOT_FOUND');
    for (const path of [
      '/../package.json',
      '/..%2fpackage.json',
      '/%2e%2e/%2e%2e/package.json',
      '/..%5capp.ts',
      '/%00',
    ]) {
      const response = await responseTo(send({ path }).end());
      const { code } = JSON.parse(await text(response)) as { code: string };
      assert.match(`${response.statusCode} ${code}`, /^(404 NOT_FOUND|400 REQUEST_INVALID)$/, path);
    }
  });

  it('says which limit an address or headers have exceeded', async () => {
    for (const options of [
      { path: `/${'a'.repeat(17_000)}` },
      { path: '/', headers: { 'X-Long': 'a'.repeat(17_000) } },
    ]) {
      const response = await responseTo(send(options).end());
      const body = await text(response);
      checkProblem(response.statusCode, response.headers['content-type'], body, 'REQUEST_TOO_LARGE');
      assert.match(body, /address and headers are longer than 16 KiB/);
    }
  });

  it('says how it is, and when it is about to stop', async () => {
    const body = { images: count, engine: searcher.encoder.engine, model: searcher.encoder.fingerprint };
    const health = async () => {
      const response = await get('/healthz');
      return [response.status, await response.json()] as const;
    };
    assert.deepEqual(await health(), [200, { status: 'ok', ...body }]);
    service.stopping = true;
    assert.deepEqual(await health(), [503, { status: 'stopping', ...body }]);
  });

  it('says so when its address is taken', async () => {
    const port = Number(new URL(server.url).port);
    await assert.rejects(startServer(testService(searcher, { port })), { code: 'OPTION_INVALID' });
  });

  describe('stop', () => {
    const silentConnection = async (): Promise<Socket> => {
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      return socket;
    };

    it('waits for what is being asked, and refuses what is new', async () => {
      const headers = { Expect: '100-continue', 'Content-Length': picture.length };
      const request = send({ path: '/v1/search?k=1', method: 'POST', headers });
      request.flushHeaders();
      await once(request, 'continue'); // the server is at it
      const open = await silentConnection();
      await get('/healthz'); // on a connection that is kept alive
      request.write(picture.subarray(0, 20));

      let stopped = false;
      const stop = server.stop().then(() => (stopped = true));
      await assert.rejects(get('/healthz'), (error: Error) => {
        assert.equal((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED');
        return true;
      });
      // a connection from before can still ask, and hears that it is too late
      open.write('GET /v1/images/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const [head, body] = (await text(open)).split('\r\n\r\n');
      assert.match(head!, /^HTTP\/1.1 503 /);
      checkProblem(503, /content-type: (.*)/i.exec(head!)?.[1], body!, 'SERVER_STOPPING');
      assert.ok(!stopped);

      request.end(picture.subarray(20));
      const response = await responseTo(request);
      const { hits } = JSON.parse(await text(response)) as SearchAnswer;
      assert.deepEqual([response.statusCode, hits[0]!.path], [200, '2/005.png']);
      await stop;
    });

    it('does not wait for connections on which nothing is asked', async () => {
      const sockets = [await silentConnection(), await silentConnection()];
      await get('/healthz');
      await server.stop();
      for (const socket of sockets) {
        socket.resume();
        if (!socket.closed) await once(socket, 'close');
      }
    });

    it('can be asked for twice', async () => {
      await Promise.all([server.stop(), server.stop()]);
      await server.stop();
    });
  });
});
