import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sharp } from '../../src/image/sharp.js';

export { colourPicture as picture } from '../../src/evaluation/colours.js';

/** A picture unlike those: red and cyan stripes, two pixels wide. */
export function stripes(side = 224): Promise<Buffer> {
  const raw = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const isRed = Math.floor(i / 3) % 4 < 2;
    return isRed === (i % 3 === 0) ? 255 : 0;
  });
  return sharp(raw, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
}

/** Writes files below `folder`, making folders as needed. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}
