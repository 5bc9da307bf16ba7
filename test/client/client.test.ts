import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Problem } from '../../src/client/client.js';
import { restoreBackup } from '../../src/corpus/backup.js';
import { colourPicture } from '../../src/evaluation/colours.js';
import type { Searcher } from '../../src/search/searcher.js';
import { KeyRing } from '../../src/service/keys.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import type { Service } from '../../src/service/service.js';
import { smallSearcher } from '../support/small.js';
import { testService } from '../support/service.js';
import { temporaryFolder } from '../support/temporary.js';

describe('the client', () => {
  const inFolder = temporaryFolder();
  let searcher: Searcher;
  let service: Service;
  let server: RunningServer;
  let client: Client;
  let picture: Uint8Array<ArrayBuffer>;
  before(async () => {
    searcher = await smallSearcher(inFolder('.'), 12);
    const keys = inFolder('keys.json');
    const key = await KeyRing.open(keys).add('tests', 'write');
    service = testService(searcher, { writable: true, auth: 'always', keys });
    server = await startServer(service);
    client = new Client({ url: server.url, key });
    picture = Uint8Array.from(await readFile(inFolder('pictures/2/005.png')));
  });
  after(async () => {
    await server.stop();
    await searcher.close();
  });

  const problem = (code: string, status: number) => (error: unknown) => {
    assert.ok(error instanceof Problem);
    assert.deepEqual([error.code, error.status], [code, status]);
    return true;
  };

  it('has a method for every operation of the OpenAPI document, and no other', async () => {
    const { paths } = (await (await fetch(`${server.url}/v1/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    const operations = Object.values(paths).flatMap(path => Object.values(path).map(({ operationId }) => operationId));
    const own = Object.getOwnPropertyNames(Client.prototype).filter(
      name => !['constructor', 'json', 'send'].includes(name),
    );
    assert.deepEqual(own.sort(), operations.sort());
  });

  it('searches', async () => {
    const { hits, cost } = await client.search(picture, {
      ...{ k: 3, at: 'S@96', filter: { label: '2' }, facets: ['label'], crop: { x: 0, y: 0, width: 1, height: 1 } },
      collapse: 1,
    });
    assert.deepEqual([hits[0]!.path, hits[0]!.duplicates, cost!.at], ['2/005.png', [], 'S@96:fp32']);
    const like = [{ id: hits[0]!.id }];
    assert.equal((await client.search({ like, k: 1 })).hits[0]!.id, hits[0]!.id);
    const { answers } = await client.searchBatch([{ like }, { like: [{ id: 99 }] }]);
    assert.ok('hits' in answers[0]! && (answers[1] as { code: string }).code === 'NOT_FOUND');
    const { vector } = await client.embed(new Blob([picture]), { at: 'XL@224' });
    assert.equal((await client.searchVector({ vector, k: 1 })).hits[0]!.id, hits[0]!.id);
    assert.ok((await client.frontier()).points.length > 0);
  });

  it('keeps pictures', async () => {
    const fresh = await Promise.all([1, 2, 3].map(async i => Uint8Array.from(await colourPicture(700 + i))));
    const { images } = await client.addImages(fresh.slice(0, 2), { metadata: [{ n: 1 }, { n: 2 }] });
    const [first, second] = images;
    assert.ok(first && 'id' in first && second && 'id' in second);
    assert.deepEqual(await client.image(second.id), (({ created, ...rest }) => (assert.ok(created), rest))(second));
    assert.equal((await client.replaceImage(first.id, fresh[2]!)).id, first.id);
    assert.deepEqual((await client.editImage(first.id, { n: null, m: 5 })).metadata, { m: 5 });
    const { images: found, total } = await client.listImages({ filter: { m: 5 }, limit: 5 });
    assert.deepEqual([found.map(({ id }) => id), total], [[first.id], 1]);
    assert.equal((await client.thumbnail(first.id)).type, 'image/webp');
    await client.deleteImage(first.id);
    await assert.rejects(client.image(first.id), problem('NOT_FOUND', 404));
    const one = await client.addImages(new Blob([fresh[0]!]), { path: 'a b.png' });
    assert.equal((one.images[0] as { path: string }).path, 'a b.png');
  });

  it('follows jobs and takes backups', async () => {
    const { id } = await client.reindex();
    const states: string[] = [];
    for await (const { state } of client.followJob(id)) states.push(state);
    assert.equal(states.at(-1), 'succeeded');
    assert.deepEqual([(await client.job(id)).state, (await client.cancelJob(id)).state], ['succeeded', 'succeeded']);
    const { images, job } = await client.indexStatus();
    assert.equal(job!.id, id);
    await writeFile(inFolder('backup.tar'), await client.snapshot());
    assert.equal((await restoreBackup(inFolder('backup.tar'), inFolder('restored'))).images, images);
    assert.deepEqual([(await client.healthz()).status, (await client.readyz()).status], ['ok', 'ok']);
    assert.match(await client.metrics(), /matvit_changes_total/);
  });

  it('says what went wrong', async () => {
    await assert.rejects(new Client({ url: server.url }).image(1), problem('KEY_MISSING', 401));
    await assert.rejects(new Client({ url: 'http://127.0.0.1:1' }).healthz(), problem('UNREACHABLE', 0));
    service.draining = true;
    await assert.rejects(client.readyz(), problem('HTTP_503', 503)); // what it answers has a status, but is no problem
    service.draining = false;
    const signal = AbortSignal.abort();
    await assert.rejects(client.search(picture, {}, { signal }), { name: 'AbortError' });
    assert.deepEqual((await client.search(picture, { facets: [], k: 1 })).hits.length, 1);
  });

  it('says so when what answers is not matvit, or is gone in the middle of it', async () => {
    const answers: Record<string, (response: ServerResponse) => void> = {
      '/healthz': response => void response.end('<html></html>'),
      '/readyz': response => {
        response.writeHead(200, { 'Content-Length': '100' }).write('{"status":');
        setTimeout(() => response.destroy(), 50);
      },
      '/v1/index': response => {
        const body = JSON.stringify({ title: 'full', code: 'QUEUE_FULL' });
        response.writeHead(503, { 'Content-Type': 'application/problem+json', 'Retry-After': '7' }).end(body);
      },
    };
    const other = createServer((request, response) => answers[request.url!]!(response));
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const asking = new Client({ url: `http://127.0.0.1:${(other.address() as AddressInfo).port}` });
    await assert.rejects(asking.healthz(), problem('HTTP_200', 200));
    await assert.rejects(asking.readyz(), problem('UNREACHABLE', 0));
    await assert.rejects(asking.indexStatus(), { code: 'QUEUE_FULL', status: 503, retryAfter: 7 });
    other.close();
  });

  it('needs nothing but what browsers have', async () => {
    const served = await (await fetch(`${server.url}/client.js`)).text();
    assert.match(served, /class Client/);
    assert.doesNotMatch(served, /^import|require\(|node:|process\./m);
  });
});
