import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IndexingReport } from '../../src/corpus/indexing.js';
import type { SearchAnswer } from '../../src/search/searcher.js';
import { type TestServer, startPostgres } from '../support/postgres.js';
import { writePictures, writeSmallModel } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';
import { expectError, json, output, start } from './run-matvit.js';

describe('matvit with --index postgres://', function () {
  this.timeout(240_000); // many processes, which a busy machine may starve
  const inFolder = temporaryFolder();
  let server: TestServer;
  let at: string[];
  before(async () => {
    server = await startPostgres();
    await writeSmallModel(inFolder('model'));
    at = ['--index', server.address, '--model', inFolder('model')];
    await writePictures(inFolder('pictures'), 9);
  });
  let stop = () => [] as boolean[];
  after(async () => {
    stop();
    await server.close();
  });

  it('indexes a folder, follows its changes, and searches it', async () => {
    await expectError('INDEX_MISSING', 'search', inFolder('pictures/0/000.png'), ...at);
    const first = await json<IndexingReport>('index', inFolder('pictures'), ...at);
    assert.deepEqual([first.added, first.embedded, first.failed], [9, 9, []]);
    rmSync(inFolder('pictures/0/000.png'));
    const second = await json<IndexingReport>('index', inFolder('pictures'), ...at);
    assert.deepEqual([second.added, second.unchanged, second.removed, second.embedded], [0, 8, 1, 0]);
    const search = ['search', inFolder('pictures/1/004.png'), ...at];
    const { hits, next } = await json<SearchAnswer>(...search, '-k', '3');
    assert.equal(hits[0]!.path, '1/004.png');
    const more = await json<SearchAnswer>(...search, '-k', '9', '--cursor', next!);
    assert.equal(more.hits.length, 5);
    const filtered = await json<SearchAnswer>(...search, '--filter', '{"label":"2"}', '--facet', 'label');
    assert.equal(filtered.hits.length, 3);
    assert.deepEqual(filtered.facets, { label: [{ value: '2', count: 3 }] });
    assert.match(await output(...search, '--filter', '{"label":"none"}'), /^nothing found/);
  });

  it('serves from two processes what a third one indexes meanwhile', async () => {
    const running = [1, 2].map(() => start('serve', '--port', '0', '--log-level', 'warn', ...at));
    stop = () => running.map(({ child }) => child.kill());
    const lines = await Promise.all(running.map(({ child }) => once(child.stdout, 'data')));
    const urls = lines.map(line => /^(http:\/\/\S+) {2}8 pictures/.exec(String(line))![1]!);
    const body = await readFile(inFolder('pictures/1/004.png'));
    const search = async (url: string, options = '') => {
      const response = await fetch(`${url}/v1/search?k=20${options}`, { method: 'POST', body });
      assert.equal(response.status, 200, await response.clone().text());
      return ((await response.json()) as SearchAnswer).hits;
    };
    await writePictures(inFolder('pictures'), 14);
    let done = false;
    const indexed = json<IndexingReport>('index', inFolder('pictures'), ...at).finally(() => (done = true));
    while (!done) for (const url of urls) assert.equal((await search(url))[0]!.path, '1/004.png');
    assert.equal((await indexed).added, 6);
    for (const url of urls) {
      const [best, ...others] = await search(url);
      assert.equal(others.length, 13);
      const { path, thumbnail } = (await (await fetch(`${url}/v1/images/${best!.id}`)).json()) as Record<
        string,
        string
      >;
      assert.equal(path, '1/004.png');
      assert.equal((await fetch(`${url}${thumbnail}`)).headers.get('content-type'), 'image/webp');
      const example = { like: [{ id: best!.id }], k: 2 };
      const headers = { 'Content-Type': 'application/json' };
      const like = await fetch(`${url}/v1/search`, { method: 'POST', body: JSON.stringify(example), headers });
      assert.equal(((await like.json()) as SearchAnswer).hits[0]!.path, '1/004.png');
      assert.equal((await fetch(`${url}/v1/images/999`)).status, 404);
      assert.equal((await fetch(`${url}/readyz`)).status, 200);
      const { images, graph } = (await (await fetch(`${url}/v1/index`)).json()) as Record<string, unknown>;
      assert.deepEqual([images, graph], [14, undefined]);
      const backup = await fetch(`${url}/v1/index/snapshot`, { method: 'POST' });
      const { code } = (await backup.json()) as { code: string };
      const { paths } = (await (await fetch(`${url}/v1/openapi.json`)).json()) as {
        paths: Record<string, { post: { responses: Record<string, { 'x-codes': string[] }> } }>;
      };
      assert.equal(code, 'INDEX_READ_ONLY'); // pg_dump makes it
      assert.ok(paths['/v1/index/snapshot']!.post.responses[backup.status]!['x-codes'].includes(code));
    }
    for (const { child } of running) child.kill('SIGTERM');
    for (const { outcome } of running) assert.equal((await outcome).code, 0);
  });

  it('says what is wrong', async () => {
    const picture = inFolder('pictures/1/004.png');
    await expectError('FILTER_INVALID', 'search', picture, ...at, '--filter', '{"label":{"$eqq":1}}');
    await expectError('CURSOR_INVALID', 'search', picture, ...at, '--cursor', 'x');
    await expectError('OPTION_INVALID', 'duplicates', ...at);
    const nowhere = 'postgres://me:secret@127.0.0.1:1/none';
    const message = await expectError('DATABASE_UNAVAILABLE', 'search', picture, '--index', nowhere, ...at.slice(2));
    assert.doesNotMatch(message, /secret/);
  });
});
