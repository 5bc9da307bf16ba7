import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sharp } from '../../src/image/sharp.js';
import { seeded } from '../index/random-vectors.js';

/** A picture of 4 x 4 coloured fields, the same for the same seed. */
export async function picture(seed: number, format: 'jpeg' | 'png' | 'webp' = 'png'): Promise<Buffer> {
  const random = seeded(seed);
  const raw = Uint8Array.from({ length: 48 }, () => Math.floor(256 * random()));
  const fields = sharp(raw, { raw: { width: 4, height: 4, channels: 3 } });
  return fields.resize(40, 40, { kernel: 'nearest' }).toFormat(format).toBuffer();
}

/** Writes files below `folder`, making folders as needed. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}
