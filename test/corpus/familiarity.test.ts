import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { spread } from '../../src/catalogue/spread.js';
import { type Corpus, Familiarity, unfamiliar } from '../../src/corpus/familiarity.js';
import { ExactIndex } from '../../src/index/exact.js';
import { clusteredVectors } from '../index/random-vectors.js';
import { row } from '../support/numbers.js';

const dimension = 16;

describe('Familiarity', () => {
  // the last 500 are of the corpus's kind, and not in it
  const vectors = clusteredVectors(2500, dimension, 31, 10);
  let index: ExactIndex;
  let sampled = 0;
  const corpus: Corpus = {
    size: () => index.size(),
    search: (query, k) => index.search(query, k),
    sample(count) {
      sampled++;
      const ids = spread(1, 2000, count);
      const rows = ids.map(id => row(vectors, dimension, id - 1));
      return { ids, vectors: Float32Array.from(rows.flatMap(vector => [...vector])) };
    },
  };
  const add = (from: number, to: number) =>
    index.upsert(
      Array.from({ length: to - from }, (_, i) => from + i + 1),
      vectors.subarray(from * dimension, to * dimension),
    );
  const best = async (query: Float32Array) => (await index.search(query, 1))[0]!.score;
  beforeEach(() => {
    index = new ExactIndex(dimension);
    sampled = 0;
  });

  it('ranks queries of the corpus’s own kind evenly, and others last', async () => {
    await add(0, 2000);
    const familiarity = new Familiarity(corpus);
    const own: number[] = [];
    for (let i = 2000; i < 2500; i++) own.push((await familiarity.of(await best(row(vectors, dimension, i))))!);
    for (const share of [unfamiliar, 0.25, 0.5, 0.75]) {
      const below = own.filter(rank => rank <= share).length / own.length;
      assert.ok(Math.abs(below - share) < 4 * Math.sqrt((share * (1 - share)) / 250), `${below} below ${share}`);
    }
    let flagged = 0;
    for (let i = 2000; i < 2100; i++) {
      const rank = await familiarity.of(await best(row(vectors, dimension, i).map(x => -x)));
      if (rank! <= unfamiliar) flagged++;
    }
    assert.ok(flagged >= 80, String(flagged));
    assert.equal(await familiarity.of(1), 1);
    assert.equal(sampled, 1);
  });

  it('knows nothing of fewer than 50, and looks again when there are more', async () => {
    const familiarity = new Familiarity(corpus, -1);
    assert.equal(await familiarity.of(1), undefined);
    await add(0, 2000);
    while ((await familiarity.of(1)) === undefined) await setImmediate();
    assert.equal(await familiarity.of(-1), 1 / 501);
    assert.equal(sampled, 1);
  });

  it('tries again after a failure', async () => {
    await add(0, 2000);
    let fails = true;
    const search: Corpus['search'] = (query, k) =>
      fails ? Promise.reject(new Error('closed')) : index.search(query, k);
    const familiarity = new Familiarity({ ...corpus, search });
    await assert.rejects(familiarity.of(1), /closed/);
    fails = false;
    assert.equal(await familiarity.of(1), 1);
  });
});

describe('spread', () => {
  it('covers a span evenly', () => {
    assert.deepEqual(spread(3, 6, 10), [3, 4, 5, 6]);
    assert.deepEqual(spread(1, 10, 5), [1, 3, 5, 7, 9]);
    assert.deepEqual(spread(7, 7, 5), [7]);
  });
});
