import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collapsing, findDuplicates } from '../../src/corpus/duplicates.js';
import { ImageIndex } from '../../src/corpus/image-index.js';
import { clusteredVectors, unit } from '../index/random-vectors.js';
import { row } from '../support/numbers.js';

const dimension = 32;
const vectors = clusteredVectors(300, dimension, 8, 300);
/** A vector whose cosine similarity to vector i is about 1 - noise^2 / 2. */
const like = (i: number, noise: number) =>
  unit(row(vectors, dimension, i).map((x, j) => x + (j === i % dimension ? noise : 0)));

describe('duplicates', () => {
  let folder: string;
  let index: ImageIndex;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'matvit-duplicates-'));
    index = await ImageIndex.openForWriting(join(folder, 'index'), { fingerprint: 'm'.repeat(64), dimension });
    const image = (path: string, embedding: Float32Array, sha256 = path) => ({
      ...{ path, sha256, size: 1, mtime: 1, metadata: {}, embedding },
    });
    await index.commit({
      put: [
        ...Array.from({ length: 300 }, (_, i) => image(`${i}`, row(vectors, dimension, i))),
        ...Array.from({ length: 20 }, (_, i) => image(`7 like ${i}`, like(7, 0.01 * (i + 1)))),
        image('9 like', like(9, 0.1)),
        image('12 the same', row(vectors, dimension, 12), '12'),
      ],
    });
  });
  after(async () => {
    await index.close();
    rmSync(folder, { recursive: true });
  });

  it('are grouped, exact ones too, the largest group first', async () => {
    let progress = 0;
    const groups = await findDuplicates(index, { threshold: 0.97, onProgress: done => (progress = done) });
    const paths = groups.map(({ images }) => images.map(({ path }) => path));
    assert.deepEqual(paths, [
      ['7', ...Array.from({ length: 20 }, (_, i) => `7 like ${i}`)],
      ['9', '9 like'],
      ['12', '12 the same'],
    ]);
    assert.ok(groups[1]!.score > 0.97 && groups[1]!.score < 1);
    assert.equal(groups[2]!.score, 1);
    assert.equal(progress, 321);
    const strict = await findDuplicates(index, { threshold: 1 });
    assert.deepEqual(strict.length, 1);
  });

  it('are folded into the best hit', async () => {
    const query = row(vectors, dimension, 7);
    const first = await index.search(query, { k: 5, collapse: 0.97 });
    const counts = first.hits.map(({ duplicates }) => duplicates!.length);
    assert.deepEqual([first.hits[0]!.image.path, counts], ['7', [20, 0, 0, 0, 0]]);
    const next = await index.search(query, { k: 5, collapse: 0.97, cursor: first.next });
    const all = await index.search(query, { k: 400, collapse: 0.97 });
    assert.deepEqual([...first.hits, ...next.hits], all.hits.slice(0, 10));
    assert.equal(all.hits.length, 300);
    assert.equal((await index.search(query, { k: 400 })).hits[1]!.duplicates, undefined);
  });

  it('are not looked for in all of an index whose pictures are all alike', async () => {
    const image = {
      id: 1,
      path: 'a',
      sha256: '',
      size: 0,
      mtime: 0,
      metadata: {},
      stored: false,
      edited: false,
      vectorId: 1,
    };
    const asked: number[] = [];
    const find = async (count: number) => {
      asked.push(count);
      return Promise.resolve(Array.from({ length: count }, () => ({ image, score: 1 })));
    };
    const vectorsOf = async () => Promise.resolve({ ids: [1], vectors: Float32Array.of(1, 0) });
    const hits = await collapsing(find, vectorsOf, 0.9)(10);
    assert.equal(hits.length, 1);
    assert.ok(Math.max(...asked) <= 20_000, asked.join());
  });
});
