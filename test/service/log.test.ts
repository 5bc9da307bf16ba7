import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { Searcher } from '../../src/search/searcher.js';
import { KeyRing } from '../../src/service/keys.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import { testService } from '../support/service.js';
import { smallSearcher } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

interface Line {
  readonly id: string;
  readonly method: string;
  readonly route?: string;
  readonly status: number;
  readonly key?: string;
  readonly code?: string;
}

describe('the log of requests', () => {
  const inFolder = temporaryFolder();
  let searcher: Searcher;
  let server: RunningServer;
  let key: string;
  let written: string[] = [];
  before(async () => {
    searcher = await smallSearcher(inFolder('.'), 6);
    const keys = inFolder('keys.json');
    key = await KeyRing.open(keys).add('shop', 'read');
    const log = pino({ level: 'info', base: null }, { write: text => void written.push(text) });
    server = await startServer(testService(searcher, { auth: 'always', keys, requestTimeout: 5 }, { log }));
  });
  after(async () => {
    await server.stop();
    await searcher.close();
  });
  beforeEach(() => (written = []));

  const ask = (path: string, init: RequestInit = {}) =>
    fetch(server.url + path, { ...init, headers: { Authorization: `Bearer ${key}`, ...init.headers } });
  /** What is written once the connections are done with these requests. */
  const lines = async (count: number): Promise<Line[]> => {
    while (written.length < count) await sleep(5);
    assert.equal(written.length, count, written.join(''));
    return written.map(text => JSON.parse(text) as Line);
  };

  it('says who asked for what kind of thing and how it ended, never what was asked', async () => {
    const filter = JSON.stringify({ owner: 'Ada-Lovelace' });
    const body = new Uint8Array(await readFile(inFolder('pictures/2/005.png')));
    const search = `/v1/search?k=2&filter=${encodeURIComponent(filter)}`;
    assert.equal((await ask(search, { method: 'POST', body })).status, 200);
    const json = JSON.stringify({ like: [{ image: Buffer.from('Charles-Babbage').toString('base64') }] });
    const headers = { 'Content-Type': 'application/json' };
    assert.equal((await ask('/v1/search', { method: 'POST', body: json, headers })).status, 415);
    assert.equal((await ask('/v1/images/1?name=Ada-Lovelace')).status, 400);
    assert.equal((await ask('/Ada-Lovelace')).status, 404);
    assert.equal(
      (await fetch(`${server.url}/v1/images/1`, { headers: { Authorization: 'Bearer wrong' } })).status,
      401,
    );
    const entries = await lines(5);
    assert.deepEqual(
      entries.map(({ method, route, status, key, code }) => [method, route, status, key, code]),
      [
        ['POST', '/v1/search', 200, 'shop', undefined],
        ['POST', '/v1/search', 415, 'shop', 'IMAGE_UNSUPPORTED'],
        ['GET', '/v1/images/{id}', 400, 'shop', 'REQUEST_INVALID'],
        ['GET', undefined, 404, undefined, 'NOT_FOUND'],
        ['GET', '/v1/images/{id}', 401, undefined, 'KEY_MISSING'],
      ],
    );
    const text = written.join('');
    for (const asked of [/Lovelace/, /Babbage/, /owner/, /k=2/, /Bearer/, /wrong/, new RegExp(key)])
      assert.doesNotMatch(text, asked);
  });

  it('gives 499 to whoever has left', async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const head = `Host: localhost\r\nAuthorization: Bearer ${key}\r\nX-Request-Id: gone`;
    socket.write(`POST /v1/search HTTP/1.1\r\n${head}\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n`);
    await once(socket, 'data'); // it waits for the body
    socket.destroy();
    const [left] = await lines(1);
    assert.deepEqual([left?.id, left?.status], ['gone', 499]);
  });

  it('keeps the id that a proxy gives, if it is one', async () => {
    const idOf = async (given?: string) =>
      (await ask('/v1/images/1', given === undefined ? {} : { headers: { 'X-Request-Id': given } })).headers.get(
        'x-request-id',
      )!;
    assert.equal(await idOf('trace-1.A_b'), 'trace-1.A_b');
    assert.equal(await idOf('x'.repeat(64)), 'x'.repeat(64));
    const made = [
      await idOf(),
      await idOf('x'.repeat(65)),
      await idOf('two words'),
      await idOf('{"a":1}'),
      await idOf(''),
    ];
    for (const id of made) assert.match(id, /^[0-9a-f]{8}-\d+$/);
    assert.equal(new Set(made).size, made.length);
    assert.deepEqual((await lines(7)).map(({ id }) => id).slice(2), made); // prettier-ignore
  });
});
