import assert from 'node:assert/strict';
import { isDecodedWhole, sniffFormat } from '../../src/image/format.js';
import { texture } from './fixtures.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

describe('sniffFormat', () => {
  for (const [start, format] of [
    ['\xff\xd8\xff\xe0', 'jpeg'],
    ['\x89PNG\r\n\x1a\n', 'png'],
    ['RIFF\0\0\0\0WEBPVP8 ', 'webp'],
    ['RIFF\0\0\0\0WAVEfmt ', undefined],
    ['GIF87a', 'gif'],
    ['GIF89a', 'gif'],
    ['GIF90a', undefined],
    ['II*\0', 'tiff'],
    ['MM\0*', 'tiff'],
    ['II+\0', 'tiff'],
    ['MM\0+', 'tiff'],
    ['\0\0\0\x14ftypavif\0\0\0\0mif1', 'avif'],
    ['\0\0\0\x18ftypmif1\0\0\0\0miafavis', 'avif'],
    ['\0\0\0\x14ftypheic\0\0\0\0mif1', undefined],
    ['\0\0\0\x14ftypheic\0\0\0\0mif1avif', undefined], // after the end of the box
    ['\0\0\0\x08ftyp', undefined],
    ['\xff\xff\xff\xffftypavif', 'avif'],
    ['\0\0\0\0ftyp', undefined],
    [' \xff\xd8\xff', undefined],
    ['<svg/>', undefined],
    ['', undefined],
  ] as const)
    it(`${JSON.stringify(start)}: ${format ?? 'nothing'}`, () => assert.equal(sniffFormat(bytes(start)), format));

  it('reads a view at its offset', () => {
    assert.equal(sniffFormat(bytes('xxGIF89a').subarray(2)), 'gif');
  });
});

describe('isDecodedWhole', () => {
  it('is true of all but JPEGs that are not progressive, however much comes before their frame', async () => {
    const long = { exif: { IFD0: { ImageDescription: 'x'.repeat(50_000) } } };
    for (const progressive of [false, true])
      for (const picture of [texture(), texture().withExif(long.exif).withIccProfile('p3')]) {
        const jpeg = await picture.jpeg({ progressive }).toBuffer();
        assert.equal(isDecodedWhole(jpeg), progressive);
        for (const cut of [3, 4, 20, 300]) isDecodedWhole(jpeg.subarray(0, cut)); // ends
      }
    assert.ok(isDecodedWhole(await texture().png().toBuffer()));
    assert.ok(isDecodedWhole(bytes('')));
    assert.ok(!isDecodedWhole(bytes('\xff\xd8\xff\xff\xff\xff\xff')));
  });
});
