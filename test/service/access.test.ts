import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { MatvitError } from '../../src/errors.js';
import { Searcher } from '../../src/search/searcher.js';
import { KeyRing } from '../../src/service/keys.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import type { Service } from '../../src/service/service.js';
import { smallSearcher } from '../support/small.js';
import { codeOf, testService } from '../support/service.js';
import { temporaryFolder } from '../support/temporary.js';

describe('access to the service', () => {
  const inFolder = temporaryFolder();
  let searcher: Searcher;
  let service: Service;
  let server: RunningServer;
  before(async () => {
    searcher = await smallSearcher(inFolder('.'), 12);
  });
  after(() => searcher.close());
  afterEach(() => server.stop());
  const start = async (flags: Record<string, unknown> = {}, options: Parameters<typeof testService>[2] = {}) => {
    service = testService(searcher, flags, options);
    server = await startServer(service);
  };
  const get = (path: string, headers: Record<string, string> = {}) => fetch(server.url + path, { headers });
  /** Through node:http, which lets the host be chosen. */
  const statusAs = async (host: string): Promise<number | undefined> => {
    const { hostname, port } = new URL(server.url);
    const sent = httpRequest({ hostname, port, path: '/v1/images/1', headers: { Host: host } }).end();
    const [response] = (await once(sent, 'response')) as [{ statusCode?: number; resume(): void }];
    response.resume();
    return response.statusCode;
  };

  it('asks for keys where it is told to, and off loopback', async () => {
    const keys = inFolder('keys.json');
    await KeyRing.open(keys).add('first', 'read');
    assert.throws(() => testService(searcher, { host: '0.0.0.0', keys: inFolder('none.json') }), {
      code: 'OPTION_INVALID',
    });
    for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.org'])
      assert.ok(testService(searcher, { host, keys }).needsKey, host);
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost'])
      assert.ok(!testService(searcher, { host, keys }).needsKey, host);
    assert.ok(testService(searcher, { trustProxy: 1, keys }).needsKey); // it lets others in
    const proxied = 'https://photos.example'; // whose proxy does not pass on what it was called
    await start({ auth: 'always', keys, origins: [proxied] });
    const key = await service.keys.add('second', 'read');
    assert.equal((await get('/v1/images/1', { Authorization: `Bearer ${key}` })).status, 200);
    for (const value of [undefined, '', 'Bearer', `Basic ${key}`, `Bearer ${key}x`, `Bearer ${key.slice(0, -1)}`]) {
      const response = await get('/v1/images/1', value === undefined ? {} : { Authorization: value });
      assert.deepEqual([response.status, await codeOf(response)], [401, 'KEY_MISSING']);
      assert.match(response.headers.get('www-authenticate')!, /^Bearer/);
    }
    const Cookie = `other=1; matvit-key=${key}`;
    assert.equal((await get('/v1/images/1', { Cookie })).status, 200);
    for (const Origin of [server.url, proxied])
      assert.equal((await get('/v1/images/1', { Cookie, Origin })).status, 200);
    for (const Origin of ['http://127.0.0.1:1', 'https://evil.example', 'null'])
      assert.equal(await codeOf(await get('/v1/images/1', { Cookie, Origin })), 'ORIGIN_FORBIDDEN');
    assert.equal((await get('/v1/images/1', { Cookie: `matvit-key=${key}x` })).status, 401);
    for (const path of ['/healthz', '/readyz', '/', '/docs', '/v1/openapi.json'])
      assert.equal((await get(path)).status, 200, path);
    assert.equal((await get('/metrics')).status, 401);
    await service.keys.remove('second');
    assert.equal((await get('/v1/images/1', { Authorization: `Bearer ${key}` })).status, 401);
  });

  it('without keys, does not answer for other names or other sites', async () => {
    await start();
    const { host } = new URL(server.url);
    for (const name of [host, 'localhost', 'localhost:1']) assert.equal(await statusAs(name), 200, name);
    for (const name of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1'])
      assert.equal(await statusAs(name), 403, name);
    assert.equal((await get('/v1/images/1', { Origin: server.url })).status, 200);
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1'])
      assert.equal(await codeOf(await get('/v1/images/1', { Origin: origin })), 'ORIGIN_FORBIDDEN');
  });

  it('answers pages of the origins that are allowed', async () => {
    const origin = 'https://shop.example';
    await start({ origins: origin });
    const response = await get('/v1/images/1', { Origin: origin });
    assert.deepEqual([response.status, response.headers.get('access-control-allow-origin')], [200, origin]);
    const headers = { Origin: origin, 'Access-Control-Request-Method': 'POST' };
    assert.equal((await fetch(`${server.url}/v1/search`, { method: 'OPTIONS', headers })).status, 204);
  });

  it('limits the rate of a client, and holds uploads to its memory', async () => {
    await start({ rateLimit: 3, uploadMemory: 2 ** 20 });
    for (let i = 0; i < 3; i++) assert.equal((await get('/healthz')).status, 200);
    const refused = await get('/healthz');
    assert.equal(refused.status, 429);
    assert.match(refused.headers.get('retry-after')!, /^([1-9]|[1-5]\d|60)$/);
    assert.equal(refused.headers.get('content-type')?.split(';')[0], 'application/problem+json');
    assert.equal(await codeOf(refused), 'RATE_LIMITED');
    await server.stop();
    await start({ uploadMemory: 2 ** 21 });
    const body = Buffer.alloc(2 ** 20 + 1); // one client has half of it
    assert.equal(await codeOf(await fetch(`${server.url}/v1/search`, { method: 'POST', body })), 'QUEUE_FULL');
    const small = await fetch(`${server.url}/v1/search`, { method: 'POST', body: body.subarray(0, 1000) });
    assert.equal(await codeOf(small), 'IMAGE_UNSUPPORTED'); // the share was given back
  });

  it('keeps room for the uploads of others from a client that holds all it may', async () => {
    const keys = inFolder('clients.json');
    const greedy = await KeyRing.open(keys).add('greedy', 'read');
    const other = await KeyRing.open(keys).add('other', 'read');
    await start({ auth: 'always', keys, uploadMemory: 2 ** 20 });
    const codeFor = async (key: string, bytes: number) =>
      codeOf(
        await fetch(`${server.url}/v1/search`, {
          ...{ method: 'POST', body: Buffer.alloc(bytes), headers: { Authorization: `Bearer ${key}` } },
        }),
      );
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const head = `Host: localhost\r\nAuthorization: Bearer ${greedy}\r\nContent-Length: 1000000`;
    socket.write(`POST /v1/search HTTP/1.1\r\n${head}\r\n\r\n`);
    socket.write(Buffer.alloc(500_000)); // and the rest never
    while ((await codeFor(greedy, 50_000)) !== 'QUEUE_FULL') await sleep(20);
    assert.equal(await codeFor(other, 250_000), 'IMAGE_UNSUPPORTED');
    assert.equal(await codeFor(other, 300_000), 'QUEUE_FULL');
    socket.destroy();
  });

  it('gives back what uploads held whose client has gone, though they are still unpacked then', async () => {
    const capacity = 16 * 2 ** 20;
    await start({ uploadMemory: 2 * capacity, maxBytes: capacity });
    const { hostname, port } = new URL(server.url);
    const body = gzipSync(Buffer.alloc(capacity / 2));
    const head = `Content-Encoding: gzip\r\nContent-Length: ${body.length}`;
    for (let i = 0; i < 8; i++) {
      const socket = connect(Number(port), hostname);
      socket.write(`POST /v1/search HTTP/1.1\r\nHost: localhost\r\n${head}\r\n\r\n`);
      socket.end(body);
      await once(socket, 'finish');
      socket.destroy();
    }
    const all = () => fetch(`${server.url}/v1/search`, { method: 'POST', body: Buffer.alloc(capacity - 1) });
    let code = await codeOf(await all());
    for (let i = 0; i < 100 && code === 'QUEUE_FULL'; i++) code = await codeOf(await all()); // some may not have gone yet
    assert.equal(code, 'IMAGE_UNSUPPORTED');
    const { generation } = service.searchers as unknown as { generation: { users: number } };
    assert.equal(generation.users, 0);
  });

  it('says what is wrong with a compressed upload that has not ended, and lives on', async () => {
    await start({}, { log: pino({ level: 'info' }, { write: () => undefined }) });
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const head = 'Content-Encoding: gzip\r\nContent-Length: 100000';
    socket.write(`POST /v1/search HTTP/1.1\r\nHost: localhost\r\n${head}\r\n\r\nnot gzip`);
    assert.match(await text(socket), /^HTTP\/1\.1 400 [^]*"code":"REQUEST_INVALID"/);
    assert.equal((await get('/healthz')).status, 200);
  });

  it('frees what a client holds that keeps its side of a closed connection open', async () => {
    await start({ requestTimeout: 1, uploadMemory: 2 ** 21 });
    const { hostname, port } = new URL(server.url);
    const bytes = 2 ** 20 - 1000;
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    socket.on('error', () => undefined).resume();
    socket.write(`POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${2 * bytes}\r\n\r\n`);
    socket.write(Buffer.alloc(bytes));
    const all = () => fetch(`${server.url}/v1/search`, { method: 'POST', body: Buffer.alloc(bytes) });
    let code = await codeOf(await all());
    while (code === 'QUEUE_FULL') {
      await sleep(50);
      code = await codeOf(await all());
    }
    assert.equal(code, 'IMAGE_UNSUPPORTED');
    socket.destroy();
  });

  it('counts the pictures of a request, however they come', async () => {
    await start({ maxPictures: 2 });
    const image = Buffer.from('no picture').toString('base64');
    const post = (path: string, json: unknown) =>
      fetch(server.url + path, {
        method: 'POST',
        body: JSON.stringify(json),
        headers: { 'Content-Type': 'application/json' },
      });
    const query = { like: [{ image }, { image }], unlike: [{ url: 'https://pictures.example/1.png' }] };
    assert.equal(await codeOf(await post('/v1/search', query)), 'REQUEST_INVALID');
    const queries = [{ like: [{ image }, { image }] }, { like: [{ image }] }];
    assert.equal(await codeOf(await post('/v1/search/batch', { queries })), 'REQUEST_INVALID');
    assert.equal(await codeOf(await post('/v1/search', { like: [{ image }, { image }] })), 'IMAGE_UNSUPPORTED');
    const stored = { like: [1, 2, 3].map(id => ({ id })) }; // nothing has to be decoded for these
    assert.equal((await post('/v1/search', stored)).status, 200);
    const many = { queries: [500, 501].map(length => ({ like: Array.from({ length }, () => ({ id: 1 })) })) };
    assert.equal(await codeOf(await post('/v1/search/batch', many)), 'REQUEST_INVALID');
    const crop = { x: 0, y: 0, width: 1, height: 1 };
    const parts = { like: [1, 2, 3].map(id => ({ id, crop })) };
    assert.equal(await codeOf(await post('/v1/search', parts)), 'REQUEST_INVALID');
  });

  it('takes as many pictures as it is told to, as JSON too', async () => {
    await start({ maxPictures: 40 });
    const image = Buffer.from('no picture').toString('base64');
    const search = (count: number) =>
      fetch(`${server.url}/v1/search`, {
        method: 'POST',
        body: JSON.stringify({ like: Array.from({ length: count }, () => ({ image })) }),
        headers: { 'Content-Type': 'application/json' },
      });
    assert.equal(await codeOf(await search(40)), 'IMAGE_UNSUPPORTED');
    assert.equal(await codeOf(await search(41)), 'REQUEST_INVALID');
  });

  it('takes up nothing any more once it stops, nor what cannot be warmed up, and closes that', async () => {
    let [closed, failing] = [0, true];
    const other = new Searcher(searcher.encoder, searcher.index);
    other.close = () => Promise.resolve(void closed++);
    other.warmUp = () => (failing ? Promise.reject(new MatvitError('INDEX_FAILED', 'gone')) : Promise.resolve());
    await start({}, { open: () => Promise.resolve(other) });
    await assert.rejects(service.reload(), { code: 'INDEX_FAILED' });
    assert.equal(closed, 1);
    failing = false;
    const reloading = assert.rejects(service.reload(), { code: 'SERVER_STOPPING' });
    service.stopping = true;
    await service.settled();
    await reloading;
    assert.equal(closed, 2);
    assert.equal(service.searcher, searcher);
  });

  it('closes connections that are too slow', async () => {
    await start({ requestTimeout: 1 });
    const { hostname, port } = new URL(server.url);
    for (const beginning of [
      'GET /healthz HTTP/1.1\r\nHost: x\r\n',
      'POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1',
    ]) {
      const socket = connect(Number(port), hostname);
      socket.write(beginning);
      assert.match(await text(socket), /^HTTP\/1\.1 408 [^]*"code":"REQUEST_TIMEOUT"/);
    }
  });

  it('swaps index and model under load, without a failed request', async () => {
    let opened = 0;
    const made: Searcher[] = [];
    await start(
      {},
      {
        open: async () => {
          const next = await smallSearcher(inFolder(`swap${opened++}`), 12);
          made.push(next);
          return next;
        },
      },
    );
    const body = JSON.stringify({ like: [{ id: 1 }], k: 3 });
    const headers = { 'Content-Type': 'application/json' };
    const statuses: number[] = [];
    let running = true;
    const load = Array.from({ length: 4 }, async () => {
      while (running) {
        const response = await fetch(`${server.url}/v1/search`, { method: 'POST', body, headers });
        statuses.push(response.status);
        await response.arrayBuffer();
      }
    });
    const answered = async () => {
      const before = statuses.length;
      while (statuses.length === before) await sleep(5);
    };
    await answered();
    await service.reload();
    await answered();
    await Promise.all([service.reload(), service.reload()]); // once for both
    await answered();
    running = false;
    await Promise.all(load);
    assert.equal(opened, 2);
    assert.equal(service.searcher, made[1]);
    assert.ok(statuses.every(status => status === 200));
    await made[1]!.close();
    searcher = await smallSearcher(inFolder('again'), 12); // the first has been closed by the swap
  });

  it('goes on answering while it drains, and says at /readyz that it wants no more', async () => {
    await start({ drain: 1 });
    assert.equal((await get('/readyz')).status, 200);
    const stopping = server.stop();
    const [ready, healthy, image] = await Promise.all([get('/readyz'), get('/healthz'), get('/v1/images/1')]);
    assert.deepEqual([ready.status, healthy.status, image.status], [503, 200, 200]);
    assert.equal(image.headers.get('connection'), 'close');
    await stopping;
    await assert.rejects(get('/healthz'));
  });
});
