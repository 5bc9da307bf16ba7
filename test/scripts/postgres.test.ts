import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { IndexingReport } from '../../src/corpus/indexing.js';
import type { SearchAnswer } from '../../src/search/searcher.js';
import { type TestServer, startPostgres } from '../support/postgres.js';
import { writePictures, writeSmallModel } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';
import { expectError, json, output } from './run-matvit.js';

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
  after(() => server.close());

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

  it('says what is wrong', async () => {
    const picture = inFolder('pictures/1/004.png');
    await expectError('FILTER_INVALID', 'search', picture, ...at, '--filter', '{"label":{"$eqq":1}}');
    await expectError('CURSOR_INVALID', 'search', picture, ...at, '--cursor', 'x');
    await expectError('OPTION_INVALID', 'serve', ...at);
    const nowhere = 'postgres://me:secret@127.0.0.1:1/none';
    const message = await expectError('DATABASE_UNAVAILABLE', 'search', picture, '--index', nowhere, ...at.slice(2));
    assert.doesNotMatch(message, /secret/);
  });
});
