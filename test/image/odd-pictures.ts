/** Files that a folder of pictures may hold, and what becomes of them. Indexing is tested with the same table. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import type { ErrorCode } from '../../src/errors.js';
import * as draw from './fixtures.js';

export interface OddPicture {
  readonly name: string;
  /** puts one entry into the folder and returns its path */
  readonly make: (folder: string) => Promise<string>;
  readonly expect: 'ok' | ErrorCode;
  /** why it cannot be tried here */
  readonly skip?: string;
}

const { patched, flipped, png, pngHeader, quadrants, texture, uint32 } = draw;
const jpeg = (): Promise<Buffer> => texture().jpeg().toBuffer();
const cut = (bytes: Buffer, share: number): Buffer => bytes.subarray(0, Math.floor(bytes.length * share));
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>';

/** A row of the table: a file with these contents. */
function file(
  name: string,
  fileName: string,
  expect: OddPicture['expect'],
  contents: () => string | Uint8Array | Promise<string | Uint8Array>,
): OddPicture {
  return made(name, fileName, expect, async path => writeFile(path, await contents()));
}

/** A row of the table: whatever `create` puts at the path. */
function made(
  name: string,
  fileName: string,
  expect: OddPicture['expect'],
  create: (path: string) => unknown,
  skip?: string | false,
): OddPicture {
  const make = async (folder: string): Promise<string> => {
    const path = join(folder, fileName);
    await create(path);
    return path;
  };
  return { name, make, expect, ...(skip && { skip }) };
}

export const oddPictures: readonly OddPicture[] = [
  // sound pictures of an unusual kind
  file('progressive JPEG', 'progressive.jpg', 'ok', () => texture().jpeg({ progressive: true }).toBuffer()),
  file('greyscale JPEG', 'grey.jpg', 'ok', () => texture().greyscale().jpeg().toBuffer()),
  file('CMYK JPEG', 'cmyk.jpg', 'ok', () => texture().toColourspace('cmyk').jpeg().toBuffer()),
  file('CMYK TIFF', 'cmyk.tif', 'ok', () => texture().toColourspace('cmyk').tiff({ compression: 'lzw' }).toBuffer()),
  file('floating-point TIFF', 'float.tif', 'ok', () =>
    texture().toColourspace('scrgb').tiff({ compression: 'none' }).toBuffer(),
  ),
  file('bilevel TIFF', 'bilevel.tif', 'ok', () =>
    texture().toColourspace('b-w').tiff({ bitdepth: 1, compression: 'ccittfax4' }).toBuffer(),
  ),
  file('16-bit PNG', '16-bit.png', 'ok', () => texture().toColourspace('rgb16').png().toBuffer()),
  file('palette PNG', 'palette.png', 'ok', () => quadrants().png({ palette: true }).toBuffer()),
  file('interlaced PNG', 'interlaced.png', 'ok', () => texture().png({ progressive: true }).toBuffer()),
  file('animated GIF', 'animated.gif', 'ok', () => draw.twoFrames().gif().toBuffer()),
  file('animated WebP', 'animated.webp', 'ok', () => draw.twoFrames().webp().toBuffer()),
  file('AVIF', 'plain.avif', 'ok', () => texture().avif({ effort: 0 }).toBuffer()),
  file('1 x 1', '1x1.png', 'ok', () => draw.zeroPng(1, 1)),
  file('3,000 x 1', '3000x1.png', 'ok', () => draw.zeroPng(3000, 1)),
  file('1 x 999,999', '1x999999.png', 'ok', () => draw.zeroPng(1, 999_999)),
  file('65,000 x 1, to be turned', '65000x1.jpg', 'ok', () =>
    quadrants(65_000, 1).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  ),
  file('PNG named .jpg', 'png.jpg', 'ok', () => quadrants().png().toBuffer()),
  file('JPEG with a name of 255 bytes', `${'x'.repeat(251)}.jpg`, 'ok', jpeg),
  file('JPEG with a name in several scripts', '🍎 яблоко 苹果 e\u0301 %41 #?.jpg', 'ok', jpeg),
  file('JPEG with a name of two lines', 'two\nlines.jpg', 'ok', jpeg),
  // blemished, but with all of the picture there
  file('JPEG with garbage after its end', 'trailing.jpg', 'ok', async () =>
    Buffer.concat([await jpeg(), Buffer.from(svg)]),
  ),
  file('JPEG with EXIF of nonsense', 'exif.jpg', 'ok', async () => {
    const bytes = await texture().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    return patched(bytes, [bytes.indexOf('Exif\0\0') + 6, Buffer.alloc(40, 0xee)]);
  }),
  file('JPEG with EXIF orientation 99', 'orientation.jpg', 'ok', async () => {
    const bytes = await texture().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    return patched(bytes, [bytes.indexOf(Buffer.from([0x12, 0x01, 3, 0])) + 8, Buffer.from([99])]);
  }),
  file('JPEG with a damaged colour profile', 'profile.jpg', 'ok', async () => {
    const bytes = await texture().withIccProfile('p3').jpeg().toBuffer();
    return patched(bytes, [bytes.indexOf('ICC_PROFILE\0') + 60, Buffer.alloc(200, 0xee)]);
  }),
  file('JPEG with inverted bytes in its pixels', 'flipped.jpg', 'ok', async () => flipped(await jpeg(), 20, 1, 2000)),
  file('PNG with a compressed text of 64 MB', 'text-bomb.png', 'ok', () => {
    const text = Buffer.concat([Buffer.from('Comment\0\0'), deflateSync(Buffer.alloc(2 ** 26))]);
    return png(pngHeader(1, 1, 8, 0), ['zTXt', text], ['IDAT', deflateSync(Buffer.alloc(2))]);
  }),
  file('TIFF whose pages lead back to the first', 'pages.tif', 'ok', async () => {
    const bytes = await texture().tiff({ compression: 'none' }).toBuffer();
    const directory = bytes.subarray(4, 8);
    const entries = bytes.readUInt16LE(bytes.readUInt32LE(4));
    return patched(bytes, [bytes.readUInt32LE(4) + 2 + 12 * entries, directory]);
  }),
  // damaged
  file('JPEG cut after 3 bytes', 'cut-3.jpg', 'IMAGE_UNREADABLE', async () => (await jpeg()).subarray(0, 3)),
  file('JPEG cut in its header', 'cut-100.jpg', 'IMAGE_UNREADABLE', async () => (await jpeg()).subarray(0, 100)),
  file('JPEG cut at 10%', 'cut-10.jpg', 'IMAGE_UNREADABLE', async () => cut(await jpeg(), 0.1)),
  file('JPEG cut at 50%', 'cut-50.jpg', 'IMAGE_UNREADABLE', async () => cut(await jpeg(), 0.5)),
  file('JPEG without its last 2 bytes', 'cut-2.jpg', 'IMAGE_UNREADABLE', async () => (await jpeg()).subarray(0, -2)),
  file('progressive JPEG cut at 50%', 'cut-progressive.jpg', 'IMAGE_UNREADABLE', async () =>
    cut(await texture().jpeg({ progressive: true }).toBuffer(), 0.5),
  ),
  file('PNG cut at 50%', 'cut.png', 'IMAGE_UNREADABLE', async () => cut(await texture().png().toBuffer(), 0.5)),
  file('WebP cut at 50%', 'cut.webp', 'IMAGE_UNREADABLE', async () => cut(await texture().webp().toBuffer(), 0.5)),
  file('GIF cut at 50%', 'cut.gif', 'IMAGE_UNREADABLE', async () => cut(await texture().gif().toBuffer(), 0.5)),
  file('AVIF cut at 50%', 'cut.avif', 'IMAGE_UNREADABLE', async () =>
    cut(await texture().avif({ effort: 0 }).toBuffer(), 0.5),
  ),
  file('TIFF cut at 50%', 'cut.tif', 'IMAGE_UNREADABLE', async () => cut(await texture().tiff().toBuffer(), 0.5)),
  file('TIFF with inverted bytes in its pixels', 'flipped.tif', 'IMAGE_UNREADABLE', async () => {
    const bytes = await texture().tiff({ compression: 'deflate' }).toBuffer();
    return patched(bytes, [1000, Buffer.alloc(100, 0xee)]);
  }),
  file('PNG with a wrong checksum', 'checksum.png', 'IMAGE_UNREADABLE', async () => {
    const bytes = await texture().png().toBuffer();
    return patched(bytes, [bytes.length - 16, uint32(0xdeadbeef)]);
  }),
  file('PNG of a header only', 'header.png', 'IMAGE_UNREADABLE', () => png(pngHeader(64, 64, 8, 2))),
  file('PNG 0 pixels wide', 'zero-wide.png', 'IMAGE_UNREADABLE', () => draw.zeroPng(0, 8)),
  // bombs: small files, enormous pictures
  file('PNG bomb of 20,000 x 20,000', 'bomb.png', 'IMAGE_TOO_LARGE', () => draw.zeroPng(20_000, 20_000)),
  file('JPEG that claims 65,278 x 65,278', 'bomb.jpg', 'IMAGE_TOO_LARGE', () => jpegThatClaims(0xfe)),
  file('JPEG that claims 65,535 x 65,535', 'beyond.jpg', 'IMAGE_UNREADABLE', () => jpegThatClaims(0xff)), // libjpeg: 65,500
  file('GIF that claims 65,535 x 65,535', 'bomb.gif', 'IMAGE_TOO_LARGE', async () => {
    const bytes = await quadrants().gif().toBuffer();
    const frame = bytes.indexOf(Buffer.from([0x2c, 0, 0, 0, 0])); // an image descriptor: at 0, 0
    return patched(bytes, [6, Buffer.alloc(4, 0xff)], [frame + 5, Buffer.alloc(4, 0xff)]);
  }),
  file('WebP that claims 16,383 x 16,383', 'bomb.webp', 'IMAGE_TOO_LARGE', async () =>
    patched(await texture().webp().toBuffer(), [26, Buffer.from([0xff, 0x3f, 0xff, 0x3f])]),
  ),
  file('AVIF that claims 60,000 x 60,000', 'bomb.avif', 'IMAGE_TOO_LARGE', async () => {
    const bytes = await texture().avif({ effort: 0 }).toBuffer();
    return patched(bytes, [bytes.indexOf('ispe') + 8, Buffer.concat([uint32(60_000), uint32(60_000)])]);
  }),
  file('TIFF that claims 65,535 x 65,535', 'bomb.tif', 'IMAGE_TOO_LARGE', async () => {
    const bytes = await texture().tiff({ compression: 'none' }).toBuffer();
    const directory = bytes.readUInt32LE(4); // its first entries are ImageWidth and ImageLength
    const size = Buffer.from([0xff, 0xff]);
    return patched(bytes, [directory + 2 + 8, size], [directory + 2 + 12 + 8, size]);
  }),
  made('JPEG of 33 MiB', 'long.jpg', 'IMAGE_TOO_LARGE', async path => {
    await writeFile(path, await jpeg());
    await truncate(path, 33 * 2 ** 20); // a hole: takes no room on the disk
  }),
  file('TIFF of 6 channels', 'satellite.tif', 'IMAGE_UNSUPPORTED', () => {
    const channel = { raw: { width: 96, height: 96, channels: 1 as const } };
    const infrared = Array.from({ length: 3 }, () => Buffer.alloc(96 * 96));
    return quadrants(96, 96).joinChannel(infrared, channel).tiff({ compression: 'none' }).toBuffer();
  }),
  // not pictures, or not of a kind that is read
  file('nothing', 'empty.jpg', 'IMAGE_EMPTY', () => ''),
  file('one byte', 'one-byte.jpg', 'IMAGE_UNSUPPORTED', () => '\xff'),
  file('text named .jpg', 'text.jpg', 'IMAGE_UNSUPPORTED', () => 'not a picture\n'),
  file('web page named .jpg', 'page.jpg', 'IMAGE_UNSUPPORTED', () => '<!doctype html><title>404</title>'),
  file('SVG', 'drawing.svg', 'IMAGE_UNSUPPORTED', () => svg),
  file('SVG named .png', 'svg.png', 'IMAGE_UNSUPPORTED', () => svg),
  file('compressed SVG named .png', 'svgz.png', 'IMAGE_UNSUPPORTED', () => gzipSync(svg)),
  file('PDF named .jpg', 'pdf.jpg', 'IMAGE_UNSUPPORTED', () => '%PDF-1.7\n%\xe2\xe3\xcf\xd3\n'),
  file('HEIC', 'phone.heic', 'IMAGE_UNSUPPORTED', () =>
    Buffer.concat([uint32(24), Buffer.from('ftypheic\0\0\0\0mif1heic'), Buffer.alloc(500)]),
  ),
  file('BMP', 'paint.bmp', 'IMAGE_UNSUPPORTED', () => Buffer.concat([Buffer.from('BM'), Buffer.alloc(100)])),
  file('JPEG with garbage before its start', 'leading.jpg', 'IMAGE_UNSUPPORTED', async () =>
    Buffer.concat([Buffer.from(svg), await jpeg()]),
  ),
  // not files that can be read
  made('link to nowhere', 'dangling.jpg', 'FILE_UNREADABLE', path => symlink('gone.jpg', path)),
  made('link to itself', 'loop.jpg', 'FILE_UNREADABLE', path => symlink('loop.jpg', path)),
  made('link to an endless device', 'device.jpg', 'FILE_UNREADABLE', path => symlink('/dev/zero', path)),
  made('folder named .jpg', 'folder.jpg', 'FILE_UNREADABLE', path => mkdir(path)),
  made('pipe named .jpg', 'pipe.jpg', 'FILE_UNREADABLE', path => execFileSync('mkfifo', [path])),
  made(
    'JPEG that may not be read',
    'forbidden.jpg',
    'FILE_UNREADABLE',
    async path => {
      await writeFile(path, await jpeg());
      await chmod(path, 0);
    },
    process.getuid?.() === 0 && 'root may read everything',
  ),
];

/** Its SOF0 segment gives both sides as `byte`, `byte`. */
async function jpegThatClaims(byte: number): Promise<Buffer> {
  const bytes = await jpeg();
  return patched(bytes, [bytes.indexOf(Buffer.from([0xff, 0xc0])) + 5, Buffer.alloc(4, byte)]);
}
