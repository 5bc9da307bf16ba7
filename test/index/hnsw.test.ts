import assert from 'node:assert/strict';
import type { Worker } from 'node:worker_threads';
import { HnswIndex } from '../../src/index/hnsw.js';
import { vectorIndexContract } from './contract.js';
import { clusteredVectors } from './random-vectors.js';

vectorIndexContract('hnsw', dimension => HnswIndex.create(dimension));

describe('HnswIndex', () => {
  const vectors = clusteredVectors(500, 16, 4);
  const ids = Array.from({ length: 500 }, (_, i) => i + 1);

  it('fails clearly when its thread dies', async () => {
    const index = await HnswIndex.create(16);
    // what is no request kills it; terminate() would abort the process if it came in the middle of an insertion
    (index as unknown as { worker: Worker }).worker.postMessage(null);
    await assert.rejects(index.upsert(ids, vectors), { code: 'INDEX_FAILED', message: /thread/ });
    await assert.rejects(index.size(), { code: 'INDEX_FAILED' });
    await index.close();
  });

  it('still knows what it holds when many times as much has come and gone', async () => {
    const index = await HnswIndex.create(16);
    const round = (i: number) => ids.map(id => id + 500 * i);
    await index.upsert(round(0), vectors);
    for (let i = 1; i <= 10; i++)
      for (let at = 0; at < 500; at += 50) {
        await index.remove(round(i - 1).slice(at, at + 50));
        await index.upsert(round(i).slice(at, at + 50), vectors.subarray(16 * at, 16 * (at + 50)));
      }
    assert.deepEqual([await index.size(), await index.tombstones()], [500, 0]);
    assert.deepEqual([await index.count(round(9)), await index.count(round(10))], [0, 500]);
    const [nearest] = await index.search(vectors.subarray(16 * 7, 16 * 8), 1);
    assert.equal(nearest!.id, round(10)[7]);
    await index.remove(round(10));
    assert.equal(await index.size(), 0);
    await index.close();
  });

  it('refuses calls after close, and closes twice', async () => {
    const index = await HnswIndex.create(16);
    await index.close();
    await index.close();
    await assert.rejects(index.search(vectors.subarray(0, 16), 1), { code: 'INDEX_FAILED', message: /closed/ });
  });

  it('can be closed in the middle of its work', async () => {
    const index = await HnswIndex.create(16);
    const pending = assert.rejects(index.upsert(ids, vectors), { code: 'INDEX_FAILED', message: /closed/ });
    await index.close();
    await pending;
  });
});
