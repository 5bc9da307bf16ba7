import assert from 'node:assert/strict';
import { ExactIndex } from '../../src/index/exact.js';
import { row } from '../support/numbers.js';
import { vectorIndexContract } from './contract.js';
import { clusteredVectors } from './random-vectors.js';

vectorIndexContract('exact', dimension => Promise.resolve(new ExactIndex(dimension)));

describe('ExactIndex', () => {
  it('equals sorting all the scores', async () => {
    const [count, dimension] = [700, 16];
    const vectors = clusteredVectors(count, dimension, 3, 5);
    vectors.copyWithin(0, dimension, 11 * dimension); // duplicates: equal scores
    const index = new ExactIndex(dimension);
    await index.upsert(
      Array.from({ length: count }, (_, i) => count - i),
      vectors,
    );
    for (const k of [1, 7, 100, 1000]) {
      const query = row(vectors, dimension, 42);
      const all = Array.from({ length: count }, (_, i) => {
        const score = row(vectors, dimension, i).reduce((sum, x, j) => sum + x * query[j]!, 0);
        return { id: count - i, score: Math.min(1, score) };
      });
      all.sort((a, b) => b.score - a.score || a.id - b.id);
      const found = await index.search(query, k);
      assert.deepEqual(
        found.map(hit => hit.id),
        all.slice(0, k).map(hit => hit.id),
      );
      found.forEach((hit, i) => assert.ok(Math.abs(hit.score - all[i]!.score) < 1e-12)); // summed in another order
    }
  });
});
