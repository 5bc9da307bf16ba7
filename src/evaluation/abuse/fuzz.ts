/** Hostile pictures: real ones damaged at random, the same for the same seed. */
import { sharp } from '../../image/sharp.js';
import { type Random, random } from '../../training/random.js';

const formats = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const;

/** Small pictures of every format, to be damaged: a texture, since flat files have little that could break. */
export async function healthyPictures(): Promise<Buffer[]> {
  const [width, height] = [240, 180];
  const pixels = Buffer.from(Array.from({ length: width * height * 3 }, (_, i) => ((i * i) >> 7) & 255));
  const image = () => sharp(pixels, { raw: { width, height, channels: 3 } });
  return Promise.all([
    ...formats.map(format => image().toFormat(format).toBuffer()),
    image().jpeg({ progressive: true }).toBuffer(),
    image().png({ progressive: true }).toBuffer(),
    image().webp({ lossless: true }).toBuffer(),
    image().tiff({ compression: 'lzw', tile: true, tileWidth: 64, tileHeight: 64 }).toBuffer(),
  ]);
}

const extremes = [0, 1, 0x7f, 0x80, 0xff];

const damages: ((bytes: Buffer, draw: Random) => Buffer)[] = [
  (bytes, draw) => flip(bytes, draw, 1 + draw.below(8), bytes.length),
  (bytes, draw) => flip(bytes, draw, 1 + draw.below(64), bytes.length),
  (bytes, draw) => flip(bytes, draw, 1 + draw.below(4), Math.min(bytes.length, 128)), // headers decide most
  (bytes, draw) => bytes.subarray(0, 1 + draw.below(bytes.length)),
  // a piece is lost
  (bytes, draw) => {
    const [from, to] = piece(bytes, draw);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  // a piece comes twice
  (bytes, draw) => {
    const [from, to] = piece(bytes, draw);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  // a length, a count or an offset is as large, or as small, as it can be
  (bytes, draw) => {
    const at = draw.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(4, extremes[draw.below(extremes.length)]), bytes.subarray(at + 4)]); // prettier-ignore
  },
];

function flip(bytes: Buffer, draw: Random, count: number, below: number): Buffer {
  for (let i = 0; i < count; i++) {
    const at = draw.below(below);
    bytes[at] = draw.next() < 0.5 ? bytes[at]! ^ (1 << draw.below(8)) : extremes[draw.below(extremes.length)]!;
  }
  return bytes;
}

function piece({ length }: Buffer, draw: Random): [number, number] {
  const from = draw.below(length);
  return [from, Math.min(length, from + 1 + draw.below(Math.max(1, length >> 2)))];
}

/** The `i`-th hostile picture of a seed: one to three damages. */
export function hostile(healthy: readonly Buffer[], seed: number, i: number): Buffer {
  const draw = random(seed, i);
  let bytes = Buffer.from(healthy[draw.below(healthy.length)]!);
  for (let n = 1 + draw.below(3); n > 0 && bytes.length > 8; n--)
    bytes = Buffer.from(damages[draw.below(damages.length)]!(bytes, draw));
  return bytes;
}
