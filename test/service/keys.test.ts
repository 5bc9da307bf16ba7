import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { KeyRing } from '../../src/service/keys.js';
import { writeFiles } from '../corpus/pictures.js';
import { temporaryFolder } from '../support/temporary.js';

describe('KeyRing', () => {
  const inFolder = temporaryFolder();

  it('makes keys, finds them again, and keeps only their hashes', async () => {
    const file = inFolder('keys.json');
    const ring = KeyRing.open(file);
    assert.equal(ring.find('matvit_x'), undefined);
    const [reader, writer] = [await ring.add('shop', 'read'), await ring.add('admin', 'write')];
    assert.match(reader, /^matvit_[\w-]{43}$/);
    assert.notEqual(reader, writer);
    const again = KeyRing.open(file);
    assert.deepEqual([again.find(reader)?.name, again.find(writer)?.access], ['shop', 'write']);
    assert.equal(again.find(reader.slice(0, -1)), undefined);
    const text = await readFile(file, 'utf8');
    assert.ok(!text.includes(reader) && !text.includes(reader.slice(7)));
    await again.remove('shop');
    assert.equal(ring.find(reader)?.name, 'shop'); // until it reads the file again
    ring.reload();
    assert.equal(ring.find(reader), undefined);
    assert.deepEqual(
      ring.list().map(({ name }) => name),
      ['admin'],
    );
  });

  it('loses no change of those who make theirs at the same time', async () => {
    const file = inFolder('shared.json');
    await KeyRing.open(file).add('old', 'read');
    const rings = Array.from({ length: 8 }, () => KeyRing.open(file));
    await Promise.all(rings.map((ring, i) => (i === 0 ? ring.remove('old') : ring.add(`new-${i}`, 'read'))));
    const names = KeyRing.open(file)
      .list()
      .map(({ name }) => name);
    assert.deepEqual(
      names.sort(),
      Array.from({ length: 7 }, (_, i) => `new-${i + 1}`),
    );
  });

  it('keeps its keys when their file has gone, for it may be away', async () => {
    const file = inFolder('away.json');
    const ring = KeyRing.open(file);
    ring.reload(); // there was none
    const key = await ring.add('a', 'read');
    renameSync(file, `${file}.away`);
    assert.throws(() => ring.reload(), { code: 'OPTION_INVALID' });
    assert.equal(ring.find(key)?.name, 'a');
    renameSync(`${file}.away`, file);
    await ring.remove('a');
    ring.reload();
    assert.deepEqual(ring.list(), []);
  });

  it('does not take a file that cannot be read for one without keys', async () => {
    const file = inFolder('unreadable.json');
    const ring = KeyRing.open(file);
    await ring.add('a', 'read');
    rmSync(file);
    mkdirSync(file);
    for (const read of [() => KeyRing.open(file), () => ring.reload()])
      assert.throws(read, { code: 'FILE_UNREADABLE', detail: /: illegal operation on a directory$/ });
    assert.equal(ring.list().length, 1);
  });

  it('refuses names that are taken or odd, and unknown ones', async () => {
    const ring = KeyRing.open(inFolder('other.json'));
    await ring.add('a', 'read');
    for (const name of ['a', '', 'a b', 'a'.repeat(65), '../a'])
      await assert.rejects(ring.add(name, 'read'), { code: 'OPTION_INVALID' });
    await assert.rejects(ring.remove('b'), { code: 'NOT_FOUND' });
  });

  it('refuses files that hold anything else', () => {
    for (const content of ['', '{}', '[1]', '[{"name":"a"}]']) {
      writeFiles(inFolder('.'), { 'bad.json': content });
      assert.throws(() => KeyRing.open(inFolder('bad.json')), { code: 'OPTION_INVALID' });
    }
  });
});
