import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export { colourPicture as picture } from '../../src/evaluation/colours.js';

/** Writes files below `folder`, making folders as needed. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}
