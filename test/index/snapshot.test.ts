import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HnswIndex } from '../../src/index/hnsw.js';
import { readManifest, writeManifest } from '../../src/index/manifest.js';
import { openSnapshot, saveSnapshot } from '../../src/index/snapshot.js';
import { random } from '../../src/training/random.js';
import { row } from '../support/numbers.js';
import { clusteredVectors } from './random-vectors.js';

const dimension = 24;
const count = 1500; // beyond the first capacity
const vectors = clusteredVectors(count, dimension, 6);
const ids = Array.from({ length: count }, (_, i) => 3 * i + 1);
const source = { dimension, fingerprint: 'f'.repeat(64), catalogue: 'c1' };
const query = row(vectors, dimension, 17);

describe('snapshot', () => {
  let folder: string;
  let graph: string;
  let index: HnswIndex;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'matvit-snapshot-'));
    index = await HnswIndex.create(dimension);
    await index.upsert(ids, vectors);
    await index.remove([4, 7]);
    await saveSnapshot(folder, index, source, 12);
    graph = join(folder, (await readManifest(folder)).file);
  });
  afterEach(async () => {
    await index.close();
    await rm(folder, { recursive: true });
  });

  const refused = (code = 'INDEX_CORRUPT') => assert.rejects(openSnapshot(folder, source), { code });

  it('comes back as it was, deletions included, and goes on', async () => {
    const { index: copy, revision } = await openSnapshot(folder, source);
    try {
      assert.equal(revision, 12);
      assert.equal(await copy.size(), count - 2);
      for (let i = 0; i < 50; i++) {
        const query = row(vectors, dimension, 29 * i);
        assert.deepEqual(await copy.search(query, 10), await index.search(query, 10));
      }
      await copy.remove([1]);
      await copy.upsert([4, 100_000], Float32Array.of(...row(vectors, dimension, 1), ...row(vectors, dimension, 2)));
      assert.equal(await copy.size(), count - 1);
      assert.deepEqual((await copy.search(row(vectors, dimension, 2), 1))[0]?.id, 100_000);
    } finally {
      await copy.close();
    }
  });

  it('replaces the older one and leaves nothing else', async () => {
    for (const name of ['graph.tmp', `manifest.json.${randomUUID()}.tmp`])
      await writeFile(join(folder, name), 'left by a crash');
    await index.remove([10]);
    await saveSnapshot(folder, index, source, 13);
    const { file } = await readManifest(folder);
    assert.deepEqual((await readdir(folder)).sort(), [file, 'manifest.json']);
  });

  it('can be empty', async () => {
    await index.remove(ids);
    await saveSnapshot(folder, index, source, 14);
    const { index: copy } = await openSnapshot(folder, source);
    assert.deepEqual(await copy.search(query, 3), []);
    await copy.close();
    const empty = await HnswIndex.create(dimension);
    await saveSnapshot(folder, empty, source, 0);
    await empty.close();
    const { index: blank } = await openSnapshot(folder, source);
    await blank.upsert(ids, vectors);
    assert.equal(await blank.size(), count);
    await blank.close();
  });

  it('is refused with another model, catalogue or dimension', async () => {
    await assert.rejects(openSnapshot(folder, { ...source, fingerprint: 'other' }), { code: 'MODEL_MISMATCH' });
    await assert.rejects(openSnapshot(folder, { ...source, catalogue: 'c2' }), { code: 'INDEX_CORRUPT' });
    await assert.rejects(openSnapshot(folder, { ...source, dimension: 23 }), { code: 'INDEX_CORRUPT' });
  });

  it('is missing without its manifest, and corrupt without its graph', async () => {
    await rename(graph, `${graph}.away`);
    await refused();
    await rm(join(folder, 'manifest.json'));
    await refused('INDEX_MISSING');
  });

  it('is refused truncated', async () => {
    const { bytes } = await readManifest(folder);
    for (const length of [bytes - 1, Math.floor(bytes / 2), 95, 0]) {
      await truncate(graph, length);
      await refused();
    }
  });

  it('is refused with any flipped byte, also those that make hnswlib abort the process', async () => {
    const whole = await readFile(graph);
    const draw = random(9);
    const places = [0, 8, 16, 24, 48, 52, ...Array.from({ length: 40 }, () => draw.below(whole.length))];
    for (const place of places) {
      const bytes = Buffer.from(whole);
      bytes[place]! ^= 0xff;
      await writeFile(graph, bytes);
      await refused();
    }
    const header = Buffer.from(whole);
    header.writeBigUInt64LE(1n, 8); // max_elements
    await writeFile(graph, header);
    await refused();
  });

  it('is refused with a manifest that is damaged, newer or not one', async () => {
    const path = join(folder, 'manifest.json');
    const whole = await readFile(path, 'utf8');
    for (let place = 0; place < whole.length; place += 7) {
      const bytes = Buffer.from(whole);
      bytes[place]! ^= 1;
      if (isSpace(whole.charCodeAt(place)) && isSpace(bytes[place]!)) continue;
      await writeFile(path, bytes);
      await refused();
    }
    for (const text of ['', 'null', '[]', '{}', whole.slice(0, 100), whole.replace('"format": 1', '"format": 2')]) {
      await writeFile(path, text);
      await refused();
    }
  });

  it('never follows a manifest out of its folder', async () => {
    const manifest = await readManifest(folder);
    await writeManifest(folder, { ...manifest, file: '../graph-0123456789abcdef.hnsw' });
    await refused();
  });

  it('cannot be written into a folder that is gone', async () => {
    await assert.rejects(saveSnapshot(join(folder, 'gone'), index, source, 13), { code: 'STORAGE_FAILED' });
  });
});

function isSpace(code: number): boolean {
  return /\s/.test(String.fromCharCode(code));
}
