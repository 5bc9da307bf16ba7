import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { NewImage } from '../../src/catalogue/changes.js';
import { readFilter } from '../../src/catalogue/parse-filter.js';
import { PostgresIndex } from '../../src/corpus/postgres-index.js';
import { filterContract, rows } from '../catalogue/filter-contract.js';
import { clusteredVectors } from '../index/random-vectors.js';
import { row } from '../support/numbers.js';
import { type TestDatabase, type TestServer, connectTo, realPostgres, startPostgres } from '../support/postgres.js';
import { startProxy } from '../support/proxy.js';
import { model, searchContract } from './search-contract.js';

describe('PostgresIndex', () => {
  let server: TestDatabase | TestServer;
  let open: PostgresIndex[] = [];
  const opened = async (index: Promise<PostgresIndex>) => {
    open.push(await index);
    return index;
  };
  before(async () => {
    server = realPostgres === undefined ? await startPostgres() : await connectTo(realPostgres);
  });
  after(async () => {
    await Promise.all(open.map(index => index.close()));
    await server.close();
  });
  const startAfresh = async () => {
    await Promise.all(open.map(index => index.close()));
    open = [];
    await server.empty();
  };

  filterContract('PostgreSQL', async () => {
    await startAfresh();
    const index = await opened(PostgresIndex.openForWriting(server.address, { fingerprint: 'f', dimension: 2 }));
    const put = rows.map((metadata, i) => ({
      ...{ path: `${i}`, sha256: `${i}`.padStart(64, '0'), size: 1, mtime: 1 },
      ...{ metadata, embedding: Float32Array.of(1, 0) },
    }));
    await index.commit({ put });
    return {
      matching: async filter => {
        const { hits } = await index.search(Float32Array.of(1, 0), { k: rows.length, filter });
        assert.equal(await index.count(filter), hits.length);
        return hits.map(hit => Number(hit.image.path)).sort((a, b) => a - b);
      },
      facet: (path, limit, filter) => index.facet(path, limit, filter),
    };
  });

  // more than what counts as selective, so that 90% goes through the graph
  searchContract('pgvector', 5000, async () => {
    await startAfresh();
    return opened(PostgresIndex.openForWriting(server.address, model));
  });

  describe('shared by processes', () => {
    const vectors = clusteredVectors(300, model.dimension, 31);
    const image = (i: number, content = i): NewImage => ({
      ...{ path: `${i}.jpg`, sha256: `${content}`.padStart(64, '0'), size: i, mtime: i + 0.5 },
      ...{ metadata: { n: i }, embedding: row(vectors, model.dimension, content) },
    });
    const images = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => image(from + i));
    const writer = () => opened(PostgresIndex.openForWriting(server.address, model));
    const reader = () => opened(PostgresIndex.openForReading(server.address, model));
    const found = async (index: PostgresIndex, i: number, k = 1) =>
      (await index.search(row(vectors, model.dimension, i), { k })).hits.map(hit => hit.image.path);

    beforeEach(startAfresh);

    it('keeps rows as they were given', async () => {
      const index = await writer();
      assert.equal(await index.root(), undefined);
      await index.commit({ root: '/pictures', put: [image(2), image(1), image(3, 1)] });
      assert.equal(await index.root(), '/pictures');
      const { embedding, ...content } = image(1);
      assert.ok(embedding);
      assert.deepEqual(await index.image(2), { id: 2, vectorId: 2, stored: false, edited: false, ...content });
      assert.equal(await index.image(99), undefined);
      assert.deepEqual(
        (await index.images()).map(({ path, vectorId }) => [path, vectorId]),
        [
          ['1.jpg', 2],
          ['2.jpg', 1],
          ['3.jpg', 2],
        ],
      );
      assert.deepEqual(await found(index, 1, 2), ['1.jpg', '3.jpg']);
    });

    it('replaces, removes, and finds the vector of a moved picture until it is pruned', async () => {
      const index = await writer();
      await index.commit({ put: images(0, 5) });
      assert.ok(index.catalogue.hasVector(image(0).sha256)); // so that no copy of it is embedded
      await index.commit({ put: [image(0, 7)], remove: [2] });
      assert.deepEqual(await found(index, 7), ['0.jpg']);
      const { embedding, ...moved } = { ...image(1), path: 'moved.jpg' };
      assert.ok(embedding && (await writer()).catalogue.hasVector(moved.sha256));
      await index.commit({ put: [moved] });
      assert.deepEqual(await found(index, 1), ['moved.jpg']);
      const { id } = (await index.images()).find(({ path }) => path === 'moved.jpg')!;
      await index.commit({ remove: [id], prune: 'touched' });
      assert.equal((await writer()).catalogue.hasVector(moved.sha256), false);
      await assert.rejects(index.commit({ put: [image(8), moved] }), { code: 'VECTOR_INVALID' });
      assert.equal((await index.images()).length, 4); // all or nothing
    });

    it('two servers see what one indexer commits, while all are at work', async () => {
      const indexer = await writer();
      await indexer.commit({ put: images(0, 20) });
      const servers = [await reader(), await reader()];
      let indexing = true;
      const indexed = (async () => {
        for (let at = 20; at < 200; at += 20)
          await indexer.commit({ put: images(at, at + 20), remove: [at - 19], prune: 'all' });
        indexing = false;
      })();
      let searches = 0;
      const serve = async (server: PostgresIndex) => {
        while (indexing) {
          assert.deepEqual(await found(server, 19), ['19.jpg']);
          assert.equal((await server.search(row(vectors, model.dimension, 5), { k: 10 })).hits.length, 10);
          searches++;
        }
      };
      await Promise.all([indexed, ...servers.map(serve)]);
      assert.ok(searches >= 2);
      for (const server of servers) {
        assert.deepEqual(await found(server, 199), ['199.jpg']);
        assert.notDeepEqual(await found(server, 160), ['160.jpg']);
      }
    });

    // the tests' own server takes turns whether or not indexers do
    it(`two indexers ${realPostgres === undefined ? 'in turns' : 'at the same time'} lose nothing`, async () => {
      const [a, b] = [await writer(), await writer()];
      const run = async (index: PostgresIndex, first: number) => {
        for (let i = first; i < 120; i += 2) await index.commit({ put: [image(i, i >> 1)] }); // both know every picture
      };
      await Promise.all([run(a, 0), run(b, 1)]);
      assert.equal((await a.images()).length, 120);
      assert.equal((await a.stats()).vectors, 60);
    });

    it('refuses what is missing, of another model, or no database', async () => {
      await assert.rejects(reader(), { code: 'INDEX_MISSING' });
      await (await writer()).commit({ put: images(0, 1) });
      const other = { ...model, fingerprint: 'other' };
      await assert.rejects(PostgresIndex.openForReading(server.address, other), { code: 'MODEL_MISMATCH' });
      await assert.rejects(PostgresIndex.openForWriting(server.address, other), { code: 'MODEL_MISMATCH' });
      const secret = 'postgres://someone:secret@127.0.0.1:1/none';
      await assert.rejects(PostgresIndex.openForReading(secret, model), (error: Error & { code: string }) => {
        assert.equal(error.code, 'DATABASE_UNAVAILABLE');
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    });

    it('outlives a connection that is lost in the middle of a search', async () => {
      await (await writer()).commit({ put: images(0, 50) });
      const proxy = await startProxy(server.address);
      const index = await opened(PostgresIndex.openForReading(proxy.address, model));
      proxy.cut('ef_search'); // the search's transaction has begun
      await assert.rejects(found(index, 0), { code: 'DATABASE_UNAVAILABLE' });
      assert.equal(proxy.isCut, true);
      proxy.mend();
      assert.deepEqual(await found(index, 0), ['0.jpg']);
      await proxy.close();
    });

    it('refuses metadata that jsonb cannot hold, and goes on', async () => {
      const index = await writer();
      const odd = { ...image(1), metadata: { note: 'a\0b' } };
      await assert.rejects(index.commit({ put: [image(0), odd] }), { code: 'METADATA_INVALID' });
      assert.deepEqual(await index.images(), []);
      await index.commit({ put: [image(0)] });
      const { hits } = await index.search(row(vectors, model.dimension, 0), { k: 1, filter: readFilter({ n: 0 }) });
      assert.equal(hits.length, 1);
    });

    it('names a path that is too long as such, and keeps no bytes', async () => {
      const index = await writer();
      const long = { ...image(1), path: randomBytes(3600).toString('hex') };
      await assert.rejects(index.commit({ put: [long] }), { code: 'INDEX_FAILED', message: /size/ });
      const stored = { ...image(1), bytes: Buffer.from('x') };
      await assert.rejects(index.commit({ put: [image(0), stored] }), { code: 'OPTION_INVALID' });
      assert.deepEqual(await index.images(), []);
      await assert.rejects(index.image(NaN), { code: 'INDEX_FAILED' }); // no metadata is wrong here
    });

    it('leaves no setting behind on a connection', async function () {
      if (!('setting' in server)) return this.skip(); // where each connection has a backend of its own
      const index = await writer();
      await index.commit({ put: images(0, 30) });
      await found(index, 3, 400);
      assert.equal(await server.setting('hnsw.ef_search'), '40');
    });
  });
});
