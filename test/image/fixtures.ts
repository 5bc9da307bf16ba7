/** Pictures to test with: drawn here, so that every pixel's colour is known, and encoded by sharp. */
import { crc32, deflateSync } from 'node:zlib';
import { type Sharp, sharp } from '../../src/image/sharp.js';

type Rgb = readonly [number, number, number];

export const red: Rgb = [200, 30, 20];
export const green: Rgb = [20, 170, 40];
export const blue: Rgb = [30, 50, 190];
export const yellow: Rgb = [220, 200, 30];

/** A picture of `colour(x, y)`, 8-bit sRGB. */
export function draw(width: number, height: number, colour: (x: number, y: number) => readonly number[]): Sharp {
  const channels = colour(0, 0).length as 3 | 4;
  const pixels = new Uint8Array(width * height * channels);
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i += channels) pixels.set(colour(x, y), i);
  return sharp(pixels, { raw: { width, height, channels } });
}

/** Red top left, green top right, blue bottom left, yellow bottom right. */
export const quadrants = (width = 96, height = 96): Sharp =>
  draw(width, height, (x, y) => (y < height / 2 ? (x < width / 2 ? red : green) : x < width / 2 ? blue : yellow));

/** Red grows with x and green with y, from 0 to 255, so that a colour says where it came from. */
export const ramps = (width: number, height: number): Sharp =>
  draw(width, height, (x, y) => [((x + 0.5) / width) * 255, ((y + 0.5) / height) * 255, 128]);

/** Fine detail everywhere: files of some size, which can be cut and damaged in the middle. */
export const texture = (width = 320, height = 240): Sharp =>
  draw(width, height, (x, y) => [(x * 7 + y * 13) & 255, (x * x + y) & 255, ((x ^ y) * 5) & 255]);

/** An animation: red, then blue. */
export function twoFrames(): Sharp {
  const pixels = Buffer.from(
    [red, blue].flatMap(colour =>
      Array<Rgb>(64 * 48)
        .fill(colour)
        .flat(),
    ),
  );
  return sharp(pixels, { raw: { width: 64, height: 2 * 48, channels: 3, pageHeight: 48 } });
}

/** A PNG from its chunks, with right checksums. */
export function png(...chunks: [type: string, data: Uint8Array][]): Buffer {
  const parts: Uint8Array[] = [Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')];
  for (const [type, data] of [...chunks, ['IEND', Buffer.alloc(0)] as const]) {
    const body = Buffer.concat([Buffer.from(type), data]);
    parts.push(uint32(data.length), body, uint32(crc32(body)));
  }
  return Buffer.concat(parts);
}

/** The header chunk of a PNG; colour type 0 is grey, 2 RGB, 6 RGB and alpha. */
export const pngHeader = (width: number, height: number, bits: number, colourType: number): [string, Buffer] => [
  'IHDR',
  Buffer.concat([uint32(width), uint32(height), Buffer.from([bits, colourType, 0, 0, 0])]),
];

/** A PNG of zeros: 20,000 x 20,000 pixels fit into 49 kB. */
export const zeroPng = (width: number, height: number): Buffer =>
  png(pngHeader(width, height, 1, 0), ['IDAT', deflateSync(Buffer.alloc((Math.ceil(width / 8) + 1) * height))]);

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** `bytes` with each of the edits [offset, replacement] made. */
export function patched(bytes: Uint8Array, ...edits: [offset: number, replacement: Uint8Array][]): Buffer {
  const copy = Buffer.from(bytes);
  for (const [offset, replacement] of edits) copy.set(replacement, offset);
  return copy;
}

/** `bytes` with `count` of them inverted, from offset `from` on; the same ones for the same seed. */
export function flipped(bytes: Uint8Array, count: number, seed: number, from = 0): Buffer {
  const copy = Buffer.from(bytes);
  for (let i = 0, state = seed; i < count; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    copy[from + ((state >>> 8) % (copy.length - from))]! ^= 0xff;
  }
  return copy;
}
