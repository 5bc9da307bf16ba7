import assert from 'node:assert/strict';
import { createWriteStream, existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import sharp from 'sharp';
import tar from 'tar-stream';
import { loadPictures, tableColumns } from '../../src/training/pictures.js';

describe('training pictures', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'matvit-pictures-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const plain = (width: number, height: number, background: string, channels: 3 | 4 = 3) =>
    sharp({ create: { width, height, channels, background } });
  const load = (paths: string[], maxBytes = 1e9) => loadPictures(paths, { maxSide: 32, maxBytes });

  it('come from folders and tar files, upright, in RGB, at most maxSide on their short side', async () => {
    await mkdir(join(folder, 'photos', 'red'), { recursive: true });
    const write = (name: string, bytes: Buffer) => writeFile(join(folder, 'photos', name), bytes);
    await write('red/a.jpg', await plain(64, 96, '#f00').withMetadata({ orientation: 6 }).jpeg().toBuffer());
    await write('red/grey.png', await plain(20, 20, '#808080').toColourspace('b-w').png().toBuffer());
    await write('red/clear.png', await plain(20, 20, '#00000000', 4).png().toBuffer());
    await write('red/broken.jpg', Buffer.from('not a picture'));
    await mkdir(join(folder, 'photos', 'broken'));
    await write('broken/all.jpg', Buffer.from('not a picture')); // no class
    await write('red/notes.txt', Buffer.from('not named like one'));
    await symlink(join(folder, 'photos', 'red', 'grey.png'), join(folder, 'photos', 'red', 'linked.png'));
    const pack = tar.pack();
    const file = pack.pipe(createWriteStream(join(folder, 'more.tar')));
    pack.entry({ name: 'blue/b.png' }, await plain(40, 40, '#00f').png().toBuffer());
    pack.finalize();
    await finished(file);

    const { pixels, table, classes, failed } = await load([join(folder, 'photos'), join(folder, 'more.tar')]);
    assert.equal(failed, 2);
    assert.deepEqual(classes, ['red', 'blue']);
    const rows = Array.from({ length: table.length / tableColumns }, (_, i) => {
      const [offset, ...rest] = table.subarray(i * tableColumns, (i + 1) * tableColumns);
      return [...rest, ...new Uint8Array(pixels, offset, 3)];
    });
    assert.deepEqual(rows, [
      [48, 32, 0, 0, 254, 0, 0],
      [20, 20, 0, 0, 255, 255, 255],
      [20, 20, 0, 0, 128, 128, 128],
      [20, 20, 0, 0, 128, 128, 128],
      [32, 32, 1, 1, 0, 0, 255],
    ]);
    assert.equal(pixels.byteLength, 3 * (48 * 32 + 3 * 20 * 20 + 32 * 32));
  });

  it('are held once where a path is named twice, and come as often as from two', async () => {
    await writeFile(join(folder, 'a.png'), await plain(20, 20, '#f00').png().toBuffer());
    await mkdir(join(folder, 'other'));
    await writeFile(join(folder, 'other', 'b.png'), await plain(20, 20, '#00f').png().toBuffer());
    const other = join(folder, 'other');
    const { pixels, table } = await load([other, folder, other]);
    const columns = (i: number) =>
      Array.from({ length: table.length / tableColumns }, (_, row) => table[row * tableColumns + i]!);
    assert.deepEqual(columns(3), [0, 1, 1, 2]); // sources
    assert.deepEqual(columns(0), [0, 1200, 2400, 0]); // offsets
    assert.equal(pixels.byteLength, 3600);
  });

  it('are left out where a file cannot be read, or has gone since the folder was listed', async () => {
    const names = Array.from({ length: 40 }, (_, i) => join(folder, `${String(i).padStart(2, '0')}.png`));
    for (const name of names) await writeFile(name, await plain(20, 20, '#f00').png().toBuffer());
    await symlink(join(folder, 'nowhere.png'), join(folder, 'dangling.png'));
    const unreadable = '/proc/self/mem'; // a file, as far as one can see, whose first byte fails
    if (existsSync(unreadable)) await symlink(unreadable, join(folder, 'a.png'));
    const onProgress = (loaded: number) => loaded === 1 && rmSync(names.at(-1)!); // a few are read ahead, not forty
    const { table, failed } = await loadPictures([folder], { maxSide: 32, maxBytes: 1e9, onProgress });
    assert.equal(table.length / tableColumns, 39);
    assert.equal(failed, existsSync(unreadable) ? 3 : 2);
  });

  it('say why the first of them cannot be read, and are not read where they are too large', async () => {
    await writeFile(join(folder, 'b.png'), '');
    await truncate(join(folder, 'b.png'), 5 * 2 ** 30); // takes no room
    await assert.rejects(load([folder]), { message: /no picture could be read from .*b\.png: more than 32 MiB$/ });
    await writeFile(join(folder, 'a.png'), 'not a picture');
    await writeFile(join(folder, 'c.png'), await plain(20, 20, '#f00').png().toBuffer());
    const { failed, firstFailure } = await load([folder]);
    assert.equal(failed, 2);
    assert.match(firstFailure!, /a\.png: not a JPEG, /);
    const pack = tar.pack();
    const file = pack.pipe(createWriteStream(join(folder, 'large.tar')));
    pack.entry({ name: 'large.png' }, Buffer.alloc(2 ** 25 + 1));
    pack.entry({ name: 'small.png' }, await plain(20, 20, '#f00').png().toBuffer());
    pack.finalize();
    await finished(file);
    const fromTar = await load([join(folder, 'large.tar')]);
    assert.equal(fromTar.table.length / tableColumns, 1);
    assert.equal(fromTar.firstFailure, 'large.png: more than 32 MiB');
  });

  it('are as many as are asked for, spread evenly over folders and tar files', async () => {
    await mkdir(join(folder, 'many'));
    const pack = tar.pack();
    const file = pack.pipe(createWriteStream(join(folder, 'many.tar')));
    for (let i = 0; i < 10; i++) {
      const bytes = await plain(20 + i, 20, '#f00')
        .png()
        .toBuffer(); // told apart by their widths
      await writeFile(join(folder, 'many', `${i}.png`), bytes);
      pack.entry({ name: `${i}.png` }, bytes);
    }
    pack.finalize();
    await finished(file);
    for (const [most, expected] of [
      [1, [29, 29]],
      [8, [22, 24, 27, 29, 22, 24, 27, 29]],
      [1000, Array.from({ length: 20 }, (_, i) => 20 + (i % 10))],
    ] as const) {
      const { table } = await loadPictures([join(folder, 'many'), join(folder, 'many.tar')], { maxSide: 32, most });
      const widths = Array.from({ length: table.length / tableColumns }, (_, row) => table[row * tableColumns + 1]!);
      assert.deepEqual(widths, expected);
    }
  });

  it('are refused if there are none, or more than memory holds', async () => {
    await assert.rejects(load([folder]), { code: 'TRAINING_DATA' });
    await assert.rejects(load([join(folder, 'missing')]), { code: 'TRAINING_DATA' });
    await writeFile(join(folder, 'a.png'), await plain(40, 40, '#f00').png().toBuffer());
    await assert.rejects(load([folder], 1000), { code: 'TRAINING_DATA' });
  });

  it('are refused if a tar file ends early or cannot be read', async () => {
    const cut = join(folder, 'cut.tar');
    const pack = tar.pack();
    pack.entry({ name: 'a.png' }, await plain(200, 200, '#00f').png({ compressionLevel: 0 }).toBuffer());
    pack.finalize();
    const whole = await buffer(pack);
    await writeFile(cut, whole.subarray(0, whole.length / 2));
    await assert.rejects(load([cut]), { code: 'TRAINING_DATA' });
    const unreadable = '/proc/self/mem'; // a file, as far as one can see, whose first byte fails
    if (existsSync(unreadable)) await assert.rejects(load([unreadable]), { code: 'TRAINING_DATA' });
  });
});
