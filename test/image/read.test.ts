import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { decode } from '../../src/image/decode.js';
import { readPicture } from '../../src/image/read.js';
import { temporaryFolder } from '../support/temporary.js';
import { quadrants } from './fixtures.js';

describe('readPicture', () => {
  const inFolder = temporaryFolder();

  it('gives the bytes of a file, also of an empty one', async () => {
    for (const contents of [Buffer.from([1, 2, 3]), Buffer.alloc(0)]) {
      const path = inFolder('bytes');
      await writeFile(path, contents);
      assert.deepEqual(Buffer.from(await readPicture(path)), contents);
    }
  });

  it('names the file and the reason, or the name it was given', async () => {
    const path = inFolder('gone.jpg');
    const gone = { code: 'FILE_UNREADABLE', detail: `${path}: no such file or directory` };
    await assert.rejects(readPicture(path), gone);
    await assert.rejects(readPicture(path, { name: 'two\nlines' }), { detail: 'two?lines: no such file or directory' });
    await assert.rejects(readPicture(inFolder('x'.repeat(300))), { code: 'FILE_UNREADABLE' });
    await assert.rejects(readPicture(inFolder('null\0byte')), { code: 'FILE_UNREADABLE' });
  });

  it('refuses a file that this user may not read', async function () {
    if (process.getuid?.() !== 0) return this.skip(); // oddPictures tries it then
    const path = inFolder('forbidden.jpg');
    await writeFile(path, 'x');
    await chmod(path, 0);
    await chmod(inFolder('.'), 0o755);
    process.seteuid!(65534); // nobody
    try {
      await assert.rejects(readPicture(path), { code: 'FILE_UNREADABLE', detail: `${path}: permission denied` });
    } finally {
      process.seteuid!(0);
    }
  });

  it('keeps to the limits, before anything is decoded', async () => {
    const path = inFolder('picture.png');
    const bytes = await quadrants(100, 100).png().toBuffer();
    await writeFile(path, bytes);
    const exact = { maxBytes: bytes.length, maxPixels: 10_000 };
    for (const source of [path, bytes]) {
      const name = typeof source === 'string' ? path : 'the upload';
      await decode(source, 32, { limits: exact });
      await assert.rejects(decode(source, 32, { limits: { ...exact, maxBytes: 2 ** 8 } }), {
        code: 'IMAGE_TOO_LARGE',
        detail: `${name}: more than 0.000244140625 MiB`,
      });
      await assert.rejects(decode(source, 32, { limits: { ...exact, maxPixels: 9_999 } }), {
        code: 'IMAGE_TOO_LARGE',
        detail: `${name}: more than 0.009999 megapixels`,
      });
    }
    const whole = { limits: { ...exact, maxBytes: 1e6, maxWholePixels: 9_999 } };
    await decode(await quadrants(100, 100).jpeg().toBuffer(), 32, whole);
    for (const other of [quadrants(100, 100).jpeg({ progressive: true }), quadrants(100, 100).webp()])
      await assert.rejects(decode(await other.toBuffer(), 32, whole), {
        code: 'IMAGE_TOO_LARGE',
        detail: 'the upload: more than 0.009999 megapixels in a file that is decoded whole',
      });
    await assert.rejects(decode(Buffer.alloc(0), 32, { name: 'cat.jpg' }), {
      code: 'IMAGE_EMPTY',
      message: 'The picture is empty: cat.jpg: zero bytes',
    });
  });
});
