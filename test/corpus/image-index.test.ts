import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { NewImage } from '../../src/catalogue/changes.js';
import { readFilter } from '../../src/catalogue/parse-filter.js';
import { acquireWriteLock } from '../../src/catalogue/write-lock.js';
import { ImageIndex } from '../../src/corpus/image-index.js';
import { ExactIndex } from '../../src/index/exact.js';
import { row } from '../support/numbers.js';
import { rejectsCode } from '../support/rejects.js';
import { clusteredVectors } from '../index/random-vectors.js';

const dimension = 32;
const model = { fingerprint: 'm'.repeat(64), dimension };
const vectors = clusteredVectors(1600, dimension, 11);
const vector = (i: number) => row(vectors, dimension, i);

/** Picture number i; those with the same content are exact duplicates. */
const image = (i: number, content = i): NewImage => ({
  path: `${i}.jpg`,
  sha256: String(content).padStart(64, '0'),
  size: i,
  mtime: i,
  metadata: { label: `class ${i % 5}` },
  embedding: vector(content),
});
const images = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => image(from + i));

describe('ImageIndex', () => {
  let folder: string;
  let index: ImageIndex;
  beforeEach(async () => {
    folder = join(mkdtempSync(join(tmpdir(), 'matvit-index-')), 'new', 'index');
    index = await ImageIndex.openForWriting(folder, model);
  });
  afterEach(async () => {
    await index.close();
    rmSync(join(folder, '../..'), { recursive: true });
  });

  const idOf = (path: string) => index.catalogue.imageAt(path)!.id;
  const reopen = async () => {
    await index.close();
    index = await ImageIndex.openForWriting(folder, model);
  };
  const found = async (i: number, k = 1, from = index) =>
    (await from.search(vector(i), { k })).hits.map(hit => hit.image.path);

  it('is empty at first', async () => {
    assert.deepEqual(await index.search(vector(0), { k: 10 }), { hits: [] });
    assert.equal(index.rebuilt, undefined);
    const reader = await ImageIndex.openForReading(folder, model);
    assert.deepEqual(await reader.search(vector(0), { k: 10 }), { hits: [] });
    await reader.close();
  });

  it('gives the rows of the nearest, as the exact index does', async () => {
    await index.commit({ put: images(0, 500) });
    const exact = new ExactIndex(dimension);
    await exact.upsert(
      Array.from({ length: 500 }, (_, i) => i + 1),
      vectors.subarray(0, 500 * dimension),
    );
    for (let i = 500; i < 520; i++) {
      const { hits } = await index.search(vector(i), { k: 10 });
      const truth = await exact.search(vector(i), 10);
      assert.deepEqual(
        hits.map(hit => hit.image.vectorId),
        truth.map(hit => hit.id),
      );
      hits.forEach((hit, rank) => assert.ok(Math.abs(hit.score - truth[rank]!.score) < 1e-6));
      assert.deepEqual(hits[0]!.image.metadata, { label: `class ${Number.parseInt(hits[0]!.image.path) % 5}` });
    }
  });

  it('stores the graph without what was removed, when that is much', async () => {
    await index.commit({ put: images(0, 1500) });
    await index.save();
    const removed = Array.from({ length: 1100 }, (_, i) => idOf(`${i}.jpg`));
    await index.commit({ remove: removed, prune: 'all' });
    await index.save();
    await reopen();
    assert.equal(index.rebuilt, undefined);
    const { vectors, deleted, pending } = (await index.stats()).graph;
    assert.deepEqual([vectors, deleted, pending], [400, 0, 0]);
    assert.deepEqual(await found(1450), ['1450.jpg']);
  });

  it('opens its snapshot again, and replays what came after', async () => {
    await index.commit({ put: images(0, 100) });
    await index.save();
    await reopen();
    assert.equal(index.rebuilt, undefined);
    assert.deepEqual(await found(50), ['50.jpg']);
    await index.commit({ put: images(100, 120), remove: [idOf('50.jpg')], prune: 'all' });
    await reopen(); // without a save
    assert.equal(index.rebuilt, undefined);
    assert.deepEqual(await found(110), ['110.jpg']);
    assert.notDeepEqual(await found(50), ['50.jpg']);
  });

  it('makes the graph again when it is missing, damaged or of another catalogue', async () => {
    await index.commit({ put: images(0, 100) });
    await index.save();
    const graph = () =>
      join(
        folder,
        readdirSync(folder).find(name => name.endsWith('.hnsw'))!,
      );
    const damages: [RegExp, () => Promise<void> | void][] = [
      [/no such file/, () => rmSync(join(folder, 'manifest.json'))],
      [/cannot be read/, () => rmSync(graph())],
      [/checksum/, () => writeFileSync(graph(), readFileSync(graph()).fill(0xff, 1000, 1001))],
      [/not a manifest/, () => writeFileSync(join(folder, 'manifest.json'), '{}')],
      [
        /another catalogue/,
        async () => {
          const other = join(folder, '../other');
          const another = await ImageIndex.openForWriting(other, model);
          await another.commit({ put: images(200, 300) });
          await another.save();
          await another.close();
          for (const name of readdirSync(other).filter(name => /json$|hnsw$/.test(name)))
            writeFileSync(join(folder, name), readFileSync(join(other, name)));
        },
      ],
    ];
    for (const [reason, damage] of damages) {
      await damage();
      await reopen();
      assert.match(index.rebuilt!, reason);
      assert.deepEqual(await found(50), ['50.jpg']);
      const reader = await ImageIndex.openForReading(folder, model);
      assert.match(reader.rebuilt!, reason);
      assert.deepEqual(await found(50, 1, reader), ['50.jpg']);
      await reader.close();
      await index.save(); // puts it right
      await reopen();
      assert.equal(index.rebuilt, undefined);
    }
  });

  it('closes without making a snapshot for which most vectors are still missing', async () => {
    await index.commit({ put: images(0, 50) });
    await index.save();
    const many = clusteredVectors(8000, dimension, 12);
    await index.commit({
      put: Array.from({ length: 8000 }, (_, i) => ({ ...image(1000 + i), embedding: row(many, dimension, i) })),
    }); // a snapshot is due
    assert.ok((await index.stats()).graph.pending > 0);
    await reopen();
    const { graph } = await index.stats();
    assert.equal(graph.snapshot, 1);
    assert.equal(graph.vectors + graph.pending, 8050);
    const { hits } = await index.search(row(many, dimension, 7777), { k: 1 });
    assert.equal(hits[0]!.image.path, '8777.jpg');
  });

  it('closes at once while another process writes a snapshot', async () => {
    await index.commit({ put: images(0, 50) });
    await index.save();
    rmSync(join(folder, 'manifest.json'));
    await reopen();
    const other = acquireWriteLock(folder, 'snapshot');
    await index.commit({ put: images(50, 60) }); // a snapshot is due
    const start = performance.now();
    await index.close();
    assert.ok(performance.now() - start < 5000);
    other.release();
  });

  it('makes the graph again when the catalogue is an older copy', async () => {
    const file = join(folder, 'catalogue.sqlite');
    await index.commit({ put: images(0, 50) });
    await index.close();
    const copy = readFileSync(file);
    index = await ImageIndex.openForWriting(folder, model);
    await index.commit({ put: images(50, 60) });
    await index.save();
    await index.close();
    writeFileSync(file, copy);
    index = await ImageIndex.openForWriting(folder, model);
    assert.match(index.rebuilt!, /does not hold/);
    assert.deepEqual(await found(20), ['20.jpg']);
    assert.equal((await index.search(vector(20), { k: 100 })).hits.length, 50);
    const lock = acquireWriteLock(folder, 'snapshot'); // as if the process died before it writes another
    await index.commit({ put: images(100, 110) }); // as many revisions and vectors as the snapshot, but others
    await index.close();
    lock.release();
    index = await ImageIndex.openForWriting(folder, model);
    for (let i = 100; i < 110; i++) assert.deepEqual(await found(i), [`${i}.jpg`]);
  });

  it('makes the graph again when its thread has died', async () => {
    await index.commit({ put: images(0, 300) });
    assert.deepEqual(await found(7), ['7.jpg']);
    const { graph } = index as unknown as { graph: { graph: { worker: Worker }; settle(): Promise<void> } };
    await graph.settle();
    graph.graph.worker.postMessage(null); // what is no request kills it
    await rejectsCode('INDEX_FAILED', index.search(vector(7), { k: 1 }));
    const deadline = Date.now() + 30_000;
    let paths: string[] | undefined;
    while (!paths && Date.now() < deadline) {
      await setTimeout(20);
      paths = await found(7).catch(() => undefined);
    }
    assert.deepEqual(paths, ['7.jpg']);
    await index.commit({ put: images(300, 310), remove: [idOf('7.jpg')] });
    assert.deepEqual(await found(305), ['305.jpg']);
    assert.notDeepEqual(await found(7), ['7.jpg']);
  });

  it('shows commits to readers that are open', async () => {
    const reader = await ImageIndex.openForReading(folder, model);
    await index.commit({ put: images(0, 30) });
    assert.deepEqual(await found(7, 1, reader), ['7.jpg']);
    const searches = Array.from({ length: 20 }, () => found(8, 1, reader));
    await index.commit({ put: images(30, 400), remove: [idOf('7.jpg')], prune: 'all' });
    assert.ok((await Promise.all(searches)).every(paths => paths[0] === '8.jpg'));
    assert.deepEqual(await found(333, 1, reader), ['333.jpg']);
    assert.notDeepEqual(await found(7, 1, reader), ['7.jpg']);
    await reader.close();
  });

  it('gives k images although vectors share them or have none', async () => {
    await index.commit({ put: [...images(0, 100), image(100, 5), image(101, 5)] });
    assert.deepEqual(await found(5, 3), ['5.jpg', '100.jpg', '101.jpg']);
    assert.equal((await found(5, 10)).length, 10);
    // as after an indexing that was cut off before it pruned
    await index.commit({ remove: images(0, 95).map(({ path }) => idOf(path)) });
    assert.equal((await found(5, 6)).length, 6);
    assert.equal((await found(5, 1000)).length, 7);
  });

  describe('with more pictures than are looked through at once', () => {
    const count = 9000;
    const filter = readFilter({ label: 'class 3' });
    beforeEach(async () => {
      await index.commit({ put: Array.from({ length: count }, (_, i) => ({ ...image(i, i % 50), path: `${i}.jpg` })) });
    });

    it('lists and counts what passes a filter, facets too, and lets others have the thread in between', async () => {
      let turns = 0;
      let listing = true;
      const others = (async () => {
        for (; listing; turns++) await new Promise(resolve => setImmediate(resolve));
      })();
      const { images, total } = await index.list({ limit: 50, filter: readFilter({ label: 'no class' }) });
      const listed = turns;
      const { facets } = await index.search(vector(0), { k: 1, facets: ['label'] });
      listing = false;
      await others;
      assert.deepEqual([images, total, facets!['label']!.length], [[], 0, 5]);
      assert.ok(listed >= 4 && turns >= listed + 3, `${listed} and ${turns} turns`);
      const first = await index.list({ limit: 1700, filter });
      assert.deepEqual([first.images.length, first.total], [1700, count / 5]);
      const last = await index.list({ limit: 1700, filter, cursor: first.next });
      const paths = [...first.images, ...last.images].map(({ path }) => path);
      assert.deepEqual(
        paths,
        Array.from({ length: count / 5 }, (_, i) => `${5 * i + 3}.jpg`),
      );
    });

    it('reads what passes a filter once for all searches that ask for it at the same time', async () => {
      const { catalogue } = index;
      let reads = 0;
      const read = catalogue.vectorsMatching.bind(catalogue);
      catalogue.vectorsMatching = asked => {
        reads++;
        return read(asked);
      };
      const search = async () => (await index.search(vector(3), { k: 3, filter })).hits.map(hit => hit.image.path);
      const answers = await Promise.all(Array.from({ length: 10 }, search));
      assert.equal(reads, 1);
      for (const answer of answers) assert.deepEqual(answer, ['3.jpg', '53.jpg', '103.jpg']);
      await index.commit({ put: [image(count + 3, 3)] });
      await Promise.all([search(), search()]);
      assert.equal(reads, 2);
    });
  });

  it('lets one writer in, and readers beside it', async () => {
    await assert.rejects(ImageIndex.openForWriting(folder, model), { code: 'INDEX_LOCKED' });
    await (await ImageIndex.openForReading(folder, model)).close();
  });

  it('refuses what is missing, of another model, or not a folder', async () => {
    const other = { ...model, fingerprint: 'other' };
    await assert.rejects(ImageIndex.openForReading(join(folder, 'none'), model), { code: 'INDEX_MISSING' });
    await assert.rejects(ImageIndex.openForReading(folder, other), { code: 'MODEL_MISMATCH' });
    await index.close();
    await assert.rejects(ImageIndex.openForWriting(folder, other), { code: 'MODEL_MISMATCH' });
    writeFileSync(join(folder, 'file'), '');
    await assert.rejects(ImageIndex.openForWriting(join(folder, 'file'), model), { code: 'STORAGE_FAILED' });
    await assert.rejects(ImageIndex.openForWriting(join(folder, 'file', 'x'), model), { code: 'STORAGE_FAILED' });
    index = await ImageIndex.openForWriting(folder, model); // the lock is free again
  });

  it('refuses a query of another dimension', async () => {
    await assert.rejects(index.search(new Float32Array(5), { k: 1 }), { code: 'VECTOR_INVALID' });
    await assert.rejects(index.search(vector(0), { k: 0 }), { code: 'OPTION_INVALID' });
  });
});
