import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import type { NewImage } from '../../src/catalogue/changes.js';
import { createBackup, restoreBackup } from '../../src/corpus/backup.js';
import { ImageIndex } from '../../src/corpus/image-index.js';
import { row } from '../support/numbers.js';
import { rejectsCode } from '../support/rejects.js';
import { clusteredVectors } from '../index/random-vectors.js';

const dimension = 32;
const model = { fingerprint: 'm'.repeat(64), dimension };
const vectors = clusteredVectors(700, dimension, 3);
const images = (from: number, to: number): NewImage[] =>
  Array.from({ length: to - from }, (_, i) => ({
    ...{ path: `${from + i}.jpg`, sha256: String(from + i).padStart(64, '0'), size: 1, mtime: 1 },
    ...{ metadata: { n: from + i }, embedding: row(vectors, dimension, from + i) },
  }));

describe('backup', () => {
  let folder: string;
  let index: ImageIndex;
  const at = (name: string) => join(folder, name);
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'matvit-backup-'));
    index = await ImageIndex.openForWriting(at('index'), model);
    await index.commit({ root: '/photos', put: images(0, 400) });
    await index.save();
    await index.commit({ put: images(400, 600), remove: [3, 5], prune: 'all' });
  });
  afterEach(async () => {
    await index.close();
    rmSync(folder, { recursive: true });
  });

  const hits = async (from: ImageIndex) =>
    Promise.all(
      Array.from(
        { length: 100 },
        async (_, i) => (await from.search(row(vectors, dimension, 600 + i), { k: 10 })).hits,
      ),
    );

  it('of an index in use comes back with the same results, as an index of its own', async () => {
    const before = await hits(index);
    const backup = await createBackup(at('index'), at('one.file'));
    assert.deepEqual([backup.images, backup.files.length], [598, 3]);
    await index.commit({ put: images(600, 700), remove: [1] });
    assert.deepEqual(await restoreBackup(at('one.file'), at('new/restored')), backup);
    const restored = await ImageIndex.openForWriting(at('new/restored'), model);
    try {
      assert.equal(restored.rebuilt, undefined);
      assert.deepEqual(await hits(restored), before);
      assert.notEqual(restored.catalogue.id, index.catalogue.id);
      assert.equal(restored.catalogue.root, '/photos');
    } finally {
      await restored.close();
    }
    assert.deepEqual(readdirSync(folder).sort(), ['index', 'new', 'one.file']);
  });

  it('has the calibration, so that what is restored is as adaptive', async () => {
    writeFileSync(at('index/calibration.json'), '{"points":[]}');
    await createBackup(at('index'), at('one.file'));
    await restoreBackup(at('one.file'), at('restored'));
    assert.equal(readFileSync(at('restored/calibration.json'), 'utf8'), '{"points":[]}');
  });

  it('works without a graph', async () => {
    rmSync(at('index/manifest.json'));
    await createBackup(at('index'), at('one.file'));
    await restoreBackup(at('one.file'), at('restored'));
    const restored = await ImageIndex.openForReading(at('restored'), model);
    assert.equal((await hits(restored))[0]!.length, 10);
    await restored.close();
  });

  it('is refused damaged, truncated, or when it is none, and leaves nothing behind', async () => {
    await createBackup(at('index'), at('one.file'));
    const whole = readFileSync(at('one.file'));
    const refused = () => assert.rejects(restoreBackup(at('one.file'), at('restored')), { code: 'INDEX_CORRUPT' });
    for (const place of [10, 600, 5000, Math.floor(whole.length / 2)]) {
      const bytes = Buffer.from(whole);
      bytes[place]! ^= 0x10;
      writeFileSync(at('one.file'), bytes);
      await refused();
    }
    for (const length of [Math.floor(whole.length / 2), 1000, 0]) {
      truncateSync(at('one.file'), length);
      await refused();
    }
    assert.deepEqual(readdirSync(folder).sort(), ['index', 'one.file']);
  });

  it('replaces an older backup, but no other file', async () => {
    for (let i = 0; i < 2; i++) await createBackup(at('index'), at('one.file'));
    writeFileSync(at('notes.txt'), 'mine');
    const refused = { code: 'OPTION_INVALID' };
    await assert.rejects(createBackup(at('index'), at('notes.txt')), refused);
    await assert.rejects(createBackup(at('index'), at('index/catalogue.sqlite')), refused);
    assert.equal(readFileSync(at('notes.txt'), 'utf8'), 'mine');
    await (await ImageIndex.openForReading(at('index'), model)).close();
  });

  it('is written over no folder, and read from no other archive', async () => {
    mkdirSync(at('folder'));
    await rejectsCode('STORAGE_FAILED', createBackup(at('index'), at('folder')));
    const other = pack();
    other.entry({ name: 'photo.jpg' }, 'x'.repeat(100_000));
    other.finalize();
    writeFileSync(at('photos.tar'), await buffer(other));
    await rejectsCode('INDEX_CORRUPT', restoreBackup(at('photos.tar'), at('new')));
  });

  it('is not restored over an index, nor made of nothing', async () => {
    await createBackup(at('index'), at('one.file'));
    await assert.rejects(restoreBackup(at('one.file'), at('index')), { code: 'INDEX_EXISTS' });
    await assert.rejects(restoreBackup(at('none'), at('restored')), { code: 'FILE_UNREADABLE' });
    await assert.rejects(createBackup(at('none'), at('two.file')), { code: 'INDEX_MISSING' });
    await assert.rejects(createBackup(at('index'), at('one.file/x')), { code: 'STORAGE_FAILED' });
  });
});
