import assert from 'node:assert/strict';
import { PostgresIndex } from '../../src/corpus/postgres-index.js';
import { OnnxEncoder } from '../../src/encoder/onnx.js';
import { Searcher } from '../../src/search/searcher.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import { unit } from '../index/random-vectors.js';
import { type TestServer, startPostgres } from '../support/postgres.js';
import { type Proxy, startProxy } from '../support/proxy.js';
import { testService } from '../support/service.js';
import { small, smallCheckpoint } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

describe('/healthz and /readyz of a server whose index is a database', () => {
  const inFolder = temporaryFolder();
  let database: TestServer;
  let proxy: Proxy;
  let searcher: Searcher;
  let server: RunningServer;
  before(async () => {
    database = await startPostgres();
    proxy = await startProxy(database.address);
    const encoder = await OnnxEncoder.create(smallCheckpoint(), 1);
    const model = { fingerprint: encoder.fingerprint, dimension: small.width };
    const index = await PostgresIndex.openForWriting(proxy.address, model);
    const embedding = unit(Float32Array.from({ length: small.width }, (_, i) => i + 1));
    const picture = { path: 'a.jpg', sha256: 'a'.repeat(64), size: 1, mtime: 1, metadata: {}, embedding };
    await index.commit({ put: [picture] });
    searcher = new Searcher(encoder, index);
    server = await startServer(testService(searcher, { keys: inFolder('keys.json') }));
  });
  after(async () => {
    await server.stop();
    await searcher.close();
    await proxy.close();
    await database.close();
  });

  const ask = async (path: string) => {
    const response = await fetch(server.url + path);
    const { status, images, code } = (await response.json()) as { status: unknown; images?: number; code?: string };
    return { answer: response.status, status, images, code };
  };
  const well = { answer: 200, status: 'ok', images: 1, code: undefined };

  it('says that it lives but is not to be asked while the database is lost', async () => {
    assert.deepEqual([await ask('/healthz'), await ask('/readyz')], [well, well]);
    proxy.cut();
    assert.deepEqual(await ask('/healthz'), { ...well, images: undefined });
    assert.deepEqual(await ask('/readyz'), {
      ...{ answer: 503, status: 503, images: undefined, code: 'DATABASE_UNAVAILABLE' },
    });
    proxy.mend();
    assert.deepEqual([await ask('/healthz'), await ask('/readyz')], [well, well]);
  });
});
