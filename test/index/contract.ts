/** What every adapter of the VectorIndex port must do. */
import assert from 'node:assert/strict';
import { ExactIndex } from '../../src/index/exact.js';
import type { VectorIndex } from '../../src/index/vector-index.js';
import { random } from '../../src/training/random.js';
import { row } from '../support/numbers.js';
import { clusteredVectors, unit } from './random-vectors.js';

const dimension = 48;
const count = 3000;
const all = clusteredVectors(count + 100, dimension, 1);
const vectors = all.subarray(0, count * dimension);
const queries = all.subarray(count * dimension); // of the same clusters, and none of the vectors
const ids = Array.from({ length: count }, (_, i) => i + 1);

export function vectorIndexContract(name: string, create: (dimension: number) => Promise<VectorIndex>): void {
  describe(`VectorIndex: ${name}`, () => {
    let index: VectorIndex;
    beforeEach(async () => {
      index = await create(dimension);
    });
    afterEach(() => index.close());

    const axis = (i: number, sign = 1) => Float32Array.from({ length: dimension }, (_, j) => (i === j ? sign : 0));

    it('is empty at first', async () => {
      assert.equal(await index.size(), 0);
      assert.deepEqual(await index.search(axis(0), 5), []);
      await index.remove([7]);
    });

    it('gives cosine similarities, best first, equal ones by ascending id', async () => {
      await index.upsert([30, 10, 20], Float32Array.of(...axis(0), ...axis(1), ...axis(1)));
      await index.upsert([40], axis(0, -1));
      const query = unit(axis(0).map((x, i) => (i === 1 ? 2 : x)));
      const hits = await index.search(query, 10);
      assert.deepEqual(
        hits.map(hit => hit.id),
        [10, 20, 30, 40],
      );
      const expected = [2, 2, 1, -1].map(x => x / Math.sqrt(5));
      hits.forEach((hit, i) => assert.ok(Math.abs(hit.score - expected[i]!) < 1e-6, `${hit.score} v ${expected[i]}`));
      assert.equal((await index.search(query, 2)).length, 2);
    });

    it('replaces, removes and takes back', async () => {
      await index.upsert([1, 2], Float32Array.of(...axis(0), ...axis(1)));
      await index.upsert([1], axis(2));
      assert.equal(await index.size(), 2);
      assert.equal((await index.search(axis(2), 1))[0]!.id, 1);
      assert.ok((await index.search(axis(0), 1))[0]!.score < 0.5);
      await index.remove([1, 99, 1]);
      assert.deepEqual(
        (await index.search(axis(2), 5)).map(hit => hit.id),
        [2],
      );
      await index.upsert([1], axis(3)); // the id of a removed vector
      await index.remove([2]);
      await index.upsert([3], axis(4)); // the place of a removed vector
      await index.upsert([2], axis(5)); // the id of a vector whose place was taken
      assert.equal(await index.size(), 3);
      for (const [id, i] of [
        [1, 3],
        [3, 4],
        [2, 5],
      ] as const)
        assert.deepEqual((await index.search(axis(i), 1))[0], { id, score: 1 });
      await index.remove([1, 2, 3]);
      assert.equal(await index.size(), 0);
      assert.deepEqual(await index.search(axis(3), 5), []);
    });

    it('takes large ids', async () => {
      await index.upsert([2 ** 32 - 1], axis(0));
      assert.equal((await index.search(axis(0), 1))[0]!.id, 2 ** 32 - 1);
    });

    const refusals: [string, () => Promise<unknown>][] = [
      ['a row too few', () => index.upsert([1, 2], axis(0))],
      ['an id of 0', () => index.upsert([0], axis(0))],
      ['an id of 1.5', () => index.upsert([1.5], axis(0))],
      ['an id of 2^32', () => index.upsert([2 ** 32], axis(0))],
      ['an id twice', () => index.upsert([3, 3], Float32Array.of(...axis(0), ...axis(1)))],
      ['a vector of length 2', () => index.upsert([1], axis(0, 2))],
      ['NaN', () => index.upsert([1], axis(0, NaN))],
      ['a query of another dimension', () => index.search(axis(0).subarray(1), 1)],
      ['a query of length 0', () => index.search(axis(0, 0), 1)],
      ['k = 0', () => index.search(axis(0), 0)],
      ['k = NaN', () => index.search(axis(0), NaN)],
    ];
    for (const [what, call] of refusals)
      it(`refuses ${what}`, async () => {
        await assert.rejects(call(), { code: 'VECTOR_INVALID' });
        assert.equal(await index.size(), 0);
      });

    it('finds what the exact search finds: recall@10 >= 0.99', async () => {
      await index.upsert(ids, vectors);
      assert.equal(await index.size(), count);
      assert.ok((await recall(index, ids, vectors)) >= 0.99);
      const all = await index.search(row(queries, dimension, 0), count + 5);
      assert.ok(all.length <= count && all.length >= 0.99 * count);
    });

    it('keeps its recall while vectors come and go', async () => {
      const draw = random(5);
      let live = ids.slice(0, count / 2);
      await index.upsert(live, vectors.subarray(0, live.length * dimension));
      for (let next = count / 2; next < count; next += 250) {
        const removed = new Set(live.filter(() => draw.next() < 0.15));
        await index.remove([...removed]);
        const added = ids.slice(next, next + 250);
        await index.upsert(added, vectors.subarray(next * dimension, (next + 250) * dimension));
        live = live.filter(id => !removed.has(id)).concat(added);
      }
      assert.equal(await index.size(), live.length);
      const kept = Float32Array.from(live.flatMap(id => [...row(vectors, dimension, id - 1)]));
      assert.ok((await recall(index, live, kept)) >= 0.99);
    });
  });
}

/** recall@10 of `index` against the exact search over the same vectors. */
async function recall(index: VectorIndex, ids: number[], vectors: Float32Array): Promise<number> {
  const exact = new ExactIndex(dimension);
  await exact.upsert(ids, vectors);
  let found = 0;
  for (let i = 0; i < queries.length / dimension; i++) {
    const query = row(queries, dimension, i);
    const truth = new Set((await exact.search(query, 10)).map(hit => hit.id));
    found += (await index.search(query, 10)).filter(hit => truth.has(hit.id)).length;
  }
  return found / (queries.length / dimension) / 10;
}
