/**
 * Training pictures in memory: decoded, upright, shrunk to at most `maxSide` on the short side, side by side in one
 * shared buffer that all workers read. Folders and tar files are read; what cannot be decoded is counted and left out.
 */
import { createReadStream } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type OutputInfo } from 'sharp';
import tar from 'tar-stream';
import { MatvitError, reasonOf } from '../errors.js';

export interface Pictures {
  /** RGB pictures one after the other */
  readonly pixels: SharedArrayBuffer;
  /** [n, 5]: byte offset, width, height, source (index into the paths given), class (index into `classes`) */
  readonly table: Float64Array;
  /** names of the parent folders */
  readonly classes: readonly string[];
  readonly failed: number;
}

export const tableColumns = 5;

const pictureName = /\.(jpe?g|png|webp|avif|gif|tiff?)$/i;

interface Encoded {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * @param paths folders, searched recursively, or tar files
 * @param options.maxBytes of decoded pixels; a warning-free run needs about 150 kB a photo
 * @throws TRAINING_DATA
 */
export async function loadPictures(
  paths: readonly string[],
  options: { maxSide: number; maxBytes: number; onProgress?: (loaded: number) => void },
): Promise<Pictures> {
  const rows: { width: number; height: number; source: number; label: number; data: Buffer }[] = [];
  const labels = new Map<string, number>();
  let failed = 0;
  let total = 0;
  for (const [source, path] of paths.entries()) {
    const waiting = new Set<Promise<void>>();
    for await (const { name, bytes } of encodedPictures(path)) {
      const label = name.split('/').at(-2) ?? '';
      if (!labels.has(label)) labels.set(label, labels.size);
      const row = rows.push({ width: 0, height: 0, source, label: labels.get(label)!, data: Buffer.alloc(0) }) - 1;
      const work: Promise<void> = shrink(bytes, options.maxSide)
        .then(({ data, info }) => {
          total += data.length;
          Object.assign(rows[row]!, { width: info.width, height: info.height, data });
        })
        .catch(() => void failed++)
        .finally(() => {
          waiting.delete(work);
          options.onProgress?.(rows.length);
        });
      waiting.add(work);
      if (waiting.size >= 8) await Promise.race(waiting);
      if (total > options.maxBytes)
        throw new MatvitError(
          'TRAINING_DATA',
          `the pictures need more than ${options.maxBytes} bytes once decoded; give fewer, or raise --memory`,
        );
    }
    await Promise.all(waiting);
  }
  const kept = rows.filter(row => row.width > 0);
  if (kept.length === 0) throw new MatvitError('TRAINING_DATA', `no picture could be read from ${paths.join(', ')}`);
  const pixels = new SharedArrayBuffer(total);
  const table = new Float64Array(new SharedArrayBuffer(kept.length * tableColumns * 8));
  let offset = 0;
  kept.forEach((row, i) => {
    new Uint8Array(pixels, offset, row.data.length).set(row.data);
    table.set([offset, row.width, row.height, row.source, row.label], i * tableColumns);
    offset += row.data.length;
  });
  return { pixels, table, classes: [...labels.keys()], failed };
}

function shrink(bytes: Buffer, side: number): Promise<{ data: Buffer; info: OutputInfo }> {
  return sharp(bytes)
    .autoOrient()
    .resize(side, side, { fit: 'outside', withoutEnlargement: true, kernel: 'cubic' })
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
}

async function* encodedPictures(path: string): AsyncGenerator<Encoded> {
  try {
    if ((await stat(path)).isFile()) yield* fromTar(path);
    else
      for (const entry of (await readdir(path, { recursive: true, withFileTypes: true })).sort(byPath))
        if (entry.isFile() && pictureName.test(entry.name)) {
          const name = join(entry.parentPath, entry.name);
          yield { name, bytes: await readFile(name) };
        }
  } catch (error) {
    throw new MatvitError('TRAINING_DATA', `${path}: ${reasonOf(error)}`, { cause: error });
  }
}

const byPath = (a: { parentPath: string; name: string }, b: { parentPath: string; name: string }): number =>
  join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1;

async function* fromTar(path: string): AsyncGenerator<Encoded> {
  const extract = tar.extract();
  createReadStream(path).pipe(extract);
  for await (const entry of extract) {
    if (entry.header.type !== 'file' || !pictureName.test(entry.header.name)) {
      entry.resume();
      continue;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    yield { name: entry.header.name, bytes: Buffer.concat(chunks) };
  }
}
