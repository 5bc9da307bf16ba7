import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Searcher } from '../../src/search/searcher.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import type { Service } from '../../src/service/service.js';
import { smallSearcher } from '../support/small.js';
import { testService } from '../support/service.js';
import { temporaryFolder } from '../support/temporary.js';

describe('a backup over HTTP', () => {
  const inFolder = temporaryFolder();
  const { TMPDIR } = process.env;
  let searcher: Searcher;
  let service: Service;
  let server: RunningServer;
  before(async () => {
    searcher = await smallSearcher(inFolder('.'), 12);
    service = testService(searcher, { writable: true });
    server = await startServer(service);
    mkdirSync(inFolder('tmp'));
    process.env['TMPDIR'] = inFolder('tmp'); // nobody else's there
  });
  after(async () => {
    if (TMPDIR === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = TMPDIR;
    await server.stop();
    await searcher.close();
  });

  it('is given up when the client leaves, and leaves nothing behind', async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write('POST /v1/index/snapshot HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n');
    while (service.jobs.latest === undefined || readdirSync(inFolder('tmp')).length === 0) await sleep(1);
    socket.destroy();
    while (service.jobs.latest.state === 'running') await sleep(5);
    assert.equal(service.jobs.latest.state, 'cancelled');
    assert.deepEqual(readdirSync(inFolder('tmp')), []);

    const next = await fetch(`${server.url}/v1/index/snapshot`, { method: 'POST' });
    assert.deepEqual([next.status, next.headers.get('content-type')], [200, 'application/x-tar']);
    const { byteLength } = await next.arrayBuffer();
    assert.equal(String(byteLength), next.headers.get('content-length'));
    assert.deepEqual(readdirSync(inFolder('tmp')), []);
  });
});
