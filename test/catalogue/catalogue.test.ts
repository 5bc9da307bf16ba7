import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Catalogue } from '../../src/catalogue/catalogue.js';
import type { NewImage } from '../../src/catalogue/changes.js';
import { acquireWriteLock } from '../../src/catalogue/write-lock.js';

const model = { fingerprint: 'a'.repeat(64), dimension: 4 };

function image(path: string, content: number, withVector = true): NewImage {
  const embedding = Float32Array.of(Math.cos(content), Math.sin(content), 0, 0);
  const sha256 = content.toString(16).padStart(64, '0');
  return { path, sha256, size: 10 + content, mtime: 1.5, metadata: { label: 'x' }, ...(withVector && { embedding }) };
}

describe('Catalogue', () => {
  let folder: string;
  let file: string;
  let catalogue: Catalogue;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'matvit-catalogue-'));
    file = join(folder, 'catalogue.sqlite');
    catalogue = Catalogue.openForWriting(file, model);
  });
  afterEach(() => {
    catalogue.close();
    rmSync(folder, { recursive: true });
  });

  const idOf = (path: string) => catalogue.imageAt(path)?.id ?? 999;
  const added = (after: number, upTo = catalogue.revision()) =>
    [...catalogue.vectorsAdded(after, upTo)].flatMap(rows => rows.ids);

  it('forgets what it has read of changes that are undone', () => {
    catalogue.commit({ put: [image('a', 1)] });
    const id = idOf('a');
    const edit = () => {
      catalogue.commit({ edit: [{ id, metadata: { label: 'new' } }] });
      assert.deepEqual(catalogue.image(id)!.metadata, { label: 'new' });
      throw new Error('undone');
    };
    assert.throws(() => catalogue.together(edit), /undone/);
    catalogue.commit({ put: [image('b', 2)] }); // its revision is that of what was undone
    assert.deepEqual(catalogue.image(id)!.metadata, { label: 'x' });
  });

  it('is empty at first, and knows itself again', () => {
    assert.deepEqual(catalogue.state(), { revision: 0, images: 0, vectors: 0 });
    assert.equal(catalogue.root, undefined);
    const { id } = catalogue;
    catalogue.close();
    catalogue = Catalogue.openForWriting(file, model);
    assert.equal(catalogue.id, id);
    assert.deepEqual([catalogue.fingerprint, catalogue.dimension], [model.fingerprint, 4]);
  });

  it('gives back what was put', () => {
    catalogue.commit({ root: '/pictures', put: [image('b.jpg', 2), image('a/ü.jpg', 1)] });
    assert.equal(catalogue.root, '/pictures');
    assert.deepEqual(
      catalogue.images().map(i => [i.id, i.path, i.vectorId, i.size, i.mtime, i.metadata]),
      [
        [2, 'a/ü.jpg', 2, 11, 1.5, { label: 'x' }],
        [1, 'b.jpg', 1, 12, 1.5, { label: 'x' }],
      ],
    );
    const first = catalogue.image(1)!;
    assert.equal(first.sha256, image('', 2).sha256);
    assert.deepEqual(catalogue.embedding(first), image('', 2).embedding);
    assert.equal(catalogue.image(9), undefined);
  });

  it('shares one vector between duplicates', () => {
    catalogue.commit({ put: [image('a.jpg', 1), image('b.jpg', 1)] });
    catalogue.commit({ put: [image('c.jpg', 1, false)] });
    assert.deepEqual(catalogue.state(), { revision: 2, images: 3, vectors: 1 });
    assert.equal(catalogue.imagesOf([1, 5]).length, 3);
    assert.equal(catalogue.hasVector(image('', 1).sha256), true);
    assert.equal(catalogue.hasVector(image('', 2).sha256), false);
  });

  it('reads again what another connection has changed', () => {
    catalogue.commit({ put: [image('a.jpg', 1), image('b.jpg', 2)] });
    const reader = Catalogue.openForReading(file, model);
    try {
      const read = () => reader.imagesOf([1, 2, 3]).map(({ path, metadata }) => [path, metadata['label']]);
      const first = reader.image(1)!;
      assert.deepEqual(reader.embedding(first), image('', 1).embedding);
      assert.deepEqual(read(), [['a.jpg', 'x'], ['b.jpg', 'x']]); // prettier-ignore
      assert.deepEqual(read(), [['a.jpg', 'x'], ['b.jpg', 'x']]); // prettier-ignore

      catalogue.commit({
        put: [{ ...image('a.jpg', 1), metadata: { label: 'y' } }, image('c.jpg', 1), image('d.jpg', 3)],
      });
      assert.equal(reader.image(1)!.metadata['label'], 'y');
      assert.deepEqual(read(), [['a.jpg', 'y'], ['c.jpg', 'x'], ['b.jpg', 'x'], ['d.jpg', 'x']]); // prettier-ignore

      catalogue.commit({ remove: [idOf('a.jpg'), idOf('c.jpg')], prune: 'all' });
      assert.equal(reader.image(1), undefined);
      assert.deepEqual(read(), [['b.jpg', 'x'], ['d.jpg', 'x']]); // prettier-ignore
      assert.throws(() => reader.embedding(first), { code: 'NOT_FOUND' });
    } finally {
      reader.close();
    }
  });

  it('knows when the bytes of a picture are damaged, missing or gone', () => {
    const bytes = Buffer.from('picture');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    catalogue.commit({ put: [{ ...image('a.jpg', 1), sha256, bytes }] });
    const stored = catalogue.image(1)!;
    assert.deepEqual(catalogue.bytes(stored), bytes);
    const raw = new Database(file);
    raw.prepare('UPDATE files SET bytes = ?').run(Buffer.from('another'));
    assert.throws(() => catalogue.bytes(stored), { code: 'CATALOGUE_CORRUPT' });
    raw.prepare('DELETE FROM files').run();
    raw.close();
    assert.throws(() => catalogue.bytes(stored), { code: 'CATALOGUE_CORRUPT' });
    catalogue.commit({ remove: [1], prune: 'all' });
    assert.throws(() => catalogue.bytes(stored), { code: 'NOT_FOUND' });
  });

  it('keeps the id of an image that changes, and uses none up', () => {
    catalogue.commit({ put: [image('a.jpg', 1)] });
    for (let content = 2; content < 5; content++) catalogue.commit({ put: [image('a.jpg', content)] });
    catalogue.commit({ put: [image('b.jpg', 1)] });
    assert.deepEqual(
      catalogue.images().map(i => i.id),
      [1, 2],
    );
  });

  it('removes images at once and their vectors when pruned, never to use an id again', () => {
    catalogue.commit({ put: [image('a.jpg', 1), image('b.jpg', 1), image('c.jpg', 3)] });
    catalogue.commit({ remove: [idOf('a.jpg'), idOf('c.jpg'), idOf('unknown.jpg')] });
    assert.deepEqual(catalogue.state(), { revision: 2, images: 1, vectors: 2 });
    catalogue.commit({ put: [image('moved.jpg', 3, false)], prune: 'all' });
    assert.deepEqual(catalogue.state(), { revision: 3, images: 2, vectors: 2 });
    catalogue.commit({ remove: [idOf('moved.jpg')], prune: 'all' });
    assert.deepEqual(catalogue.state(), { revision: 4, images: 1, vectors: 1 });
    catalogue.commit({ put: [image('d.jpg', 4)] });
    assert.equal(catalogue.imagesOf([3])[0]?.path, 'd.jpg');
  });

  it('lists what changed between revisions', () => {
    catalogue.commit({ put: [image('a.jpg', 1), image('b.jpg', 2)] }); // 1
    catalogue.commit({ put: [image('c.jpg', 3)] }); // 2
    catalogue.commit({ remove: [idOf('a.jpg')], prune: 'all' }); // 3
    assert.deepEqual(added(0), [2, 3]);
    assert.deepEqual(added(1), [3]);
    assert.deepEqual(added(0, 1), [2]);
    assert.deepEqual(added(3), []);
    assert.deepEqual(catalogue.vectorsRemoved(2, 3), [1]);
    assert.deepEqual(catalogue.vectorsRemoved(3, 3), []);
  });

  it('lists vectors in pages without a gap', () => {
    const many = Array.from({ length: 2500 }, (_, i) => image(`${i}.jpg`, i));
    for (let i = 0; i < 2500; i += 625) catalogue.commit({ put: many.slice(i, i + 625) });
    assert.deepEqual(
      added(0),
      many.map((_, i) => i + 1),
    );
    const [page] = catalogue.vectorsAdded(0, 4);
    assert.deepEqual(page!.vectors.subarray(4 * 7, 4 * 8), many[7]!.embedding);
  });

  it('increases its revision only for changes', () => {
    catalogue.commit({ root: '/a', put: [image('a.jpg', 1)] });
    assert.equal(catalogue.commit({}), 1);
    assert.equal(catalogue.commit({ root: '/a', put: [], remove: [idOf('no.jpg')], prune: 'all' }), 1);
  });

  it('commits all or nothing', () => {
    const short = { ...image('c.jpg', 3), embedding: new Float32Array(3) };
    const long = { ...image('c.jpg', 3), embedding: Float32Array.of(1, 1, 0, 0) };
    for (const wrong of [short, long, image('c.jpg', 3, false)])
      assert.throws(() => catalogue.commit({ put: [image('a.jpg', 1), wrong] }), { code: 'VECTOR_INVALID' });
    assert.deepEqual(catalogue.state(), { revision: 0, images: 0, vectors: 0 });
  });

  it('shows commits to readers that are already open', () => {
    const reader = Catalogue.openForReading(file, model);
    catalogue.commit({ put: [image('a.jpg', 1)] });
    assert.equal(reader.state().images, 1);
    assert.throws(() => reader.commit({ put: [image('b.jpg', 2)] }), { code: 'STORAGE_FAILED' });
    reader.close();
  });

  it('refuses another model and says what to do', () => {
    for (const other of [
      { ...model, fingerprint: 'b'.repeat(64) },
      { ...model, dimension: 5 },
    ]) {
      assert.throws(() => Catalogue.openForWriting(file, other), { code: 'MODEL_MISMATCH', message: /another folder/ });
      assert.throws(() => Catalogue.openForReading(file, other), { code: 'MODEL_MISMATCH' });
    }
    Catalogue.openForReading(file).close();
  });

  it('is missing where there is none, or only the beginning of one', () => {
    assert.throws(() => Catalogue.openForReading(join(folder, 'none')), { code: 'INDEX_MISSING' });
    writeFileSync(join(folder, 'begun'), '');
    assert.throws(() => Catalogue.openForReading(join(folder, 'begun')), { code: 'INDEX_MISSING' });
    assert.throws(() => Catalogue.openForWriting(join(folder, 'none', 'c'), model), { code: 'STORAGE_FAILED' });
  });

  it('is not called missing where it cannot be reached', () => {
    symlinkSync('loop', join(folder, 'loop'));
    assert.throws(() => Catalogue.openForReading(join(folder, 'loop', 'catalogue.sqlite')), {
      code: 'FILE_UNREADABLE',
      detail: /symbolic links/,
    });
    assert.throws(() => Catalogue.openForReading(join(file, 'catalogue.sqlite')), {
      code: 'FILE_UNREADABLE',
      detail: `${file} is a file; give the folder of the index`,
    });
  });

  describe('refuses as CATALOGUE_CORRUPT', () => {
    const refused = (path: string) => {
      assert.throws(() => Catalogue.openForReading(path), { code: 'CATALOGUE_CORRUPT' });
      assert.throws(() => Catalogue.openForWriting(path, model), { code: 'CATALOGUE_CORRUPT' });
    };

    it('a file that is not SQLite', () => {
      writeFileSync(join(folder, 'text'), 'not a database '.repeat(100));
      refused(join(folder, 'text'));
    });

    it('the database of somebody else', () => {
      const other = new Database(join(folder, 'other'));
      other.exec('CREATE TABLE catalogue (id)');
      other.close();
      refused(join(folder, 'other'));
    });

    it('one of a newer matvit', () => {
      catalogue.close();
      const newer = new Database(file);
      newer.pragma('user_version = 99');
      newer.close();
      refused(file);
      catalogue = Catalogue.openForWriting(join(folder, 'another'), model);
    });

    it('a truncated or overwritten one', () => {
      catalogue.commit({ put: Array.from({ length: 500 }, (_, i) => image(`${i}.jpg`, i)) });
      catalogue.close(); // empties the log into the file
      const whole = readFileSync(file);
      truncateSync(file, Math.floor(whole.length / 2));
      refused(file);
      writeFileSync(file, Buffer.from(whole).fill(0x55, 4096, 8 * 4096));
      refused(file);
      catalogue = Catalogue.openForWriting(join(folder, 'another'), model);
    });
  });
});

describe('acquireWriteLock', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'matvit-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('lets one writer in', () => {
    const lock = acquireWriteLock(folder);
    assert.throws(() => acquireWriteLock(folder), { code: 'INDEX_LOCKED' });
    lock.release();
    acquireWriteLock(folder).release();
    assert.throws(() => acquireWriteLock(join(folder, 'none')), { code: 'STORAGE_FAILED' });
  });

  it('is free again after kill -9 of its holder', async () => {
    const lock = new URL('../../src/catalogue/write-lock.js', import.meta.url).href;
    const script = `import { acquireWriteLock } from ${JSON.stringify(lock)};
      acquireWriteLock(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    assert.throws(() => acquireWriteLock(folder), { code: 'INDEX_LOCKED' });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    acquireWriteLock(folder).release();
  });
});
