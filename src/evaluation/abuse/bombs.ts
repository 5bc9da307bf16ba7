/** Small uploads that are huge once unpacked. */
import { crc32, deflateSync, gzipSync } from 'node:zlib';
import { sharp } from '../../image/sharp.js';

export interface Bomb {
  readonly name: string;
  readonly bytes: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** @param side of the pictures that stay just within the service's limit of pixels */
export async function bombs(side: number): Promise<Bomb[]> {
  const flat = (format: 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff') =>
    sharp({ create: { width: side, height: side, channels: 3, background: 'red' }, limitInputPixels: false }).toFormat(
      format,
    );
  const within = async (name: string, image: Promise<Buffer>) => ({ name: `${side} x ${side} ${name}`, bytes: await image }); // prettier-ignore
  const zeros = Buffer.alloc(2 ** 26);
  const deflated = deflateSync(zeros);
  return [
    { name: '64 MiB in gzip', bytes: gzipSync(zeros), headers: { 'Content-Encoding': 'gzip' } },
    { name: '100,000 x 100,000 PNG', bytes: png(100_000, 100_000, deflated) },
    { name: 'PNG that unpacks to 64 MiB, and says 8 x 8', bytes: png(8, 8, deflated) },
    { name: '65,500 x 65,500 JPEG', bytes: resized(await jpeg(), 65_500) },
    await within('interlaced PNG', flat('png').png({ progressive: true }).toBuffer()),
    await within('progressive JPEG', flat('jpeg').jpeg({ progressive: true }).toBuffer()),
    await within('GIF', flat('gif').toBuffer()),
    await within('TIFF', flat('tiff').tiff({ compression: 'deflate' }).toBuffer()),
  ];
}

const jpeg = () =>
  sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } }).jpeg().toBuffer(); // prettier-ignore

/** A JPEG whose frame header says another size. */
function resized(bytes: Buffer, side: number): Buffer {
  const at = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(side, at + 5);
  bytes.writeUInt16BE(side, at + 7);
  return bytes;
}

function png(width: number, height: number, data: Buffer): Buffer {
  const chunk = (type: string, body: Buffer) => {
    const named = Buffer.concat([Buffer.from(type), body]);
    return Buffer.concat([uint32(body.length), named, uint32(crc32(named))]);
  };
  const header = Buffer.concat([uint32(width), uint32(height), Buffer.from([8, 2, 0, 0, 0])]);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    ...[chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))],
  ]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
