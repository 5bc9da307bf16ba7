/**
 * Training pictures in memory: decoded, upright, shrunk to at most `maxSide` on the short side, side by side in one
 * shared buffer that all workers read. Folders and tar files are read; what cannot be decoded is counted and left out.
 */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { pMapIterable } from 'p-map';
import tar from 'tar-stream';
import { scan } from '../corpus/scan.js';
import { MatvitError, reasonOf } from '../errors.js';
import { isPictureName } from '../image/format.js';
import { withPicture } from '../image/open.js';

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

interface Encoded {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * @param paths folders, searched recursively, or tar files; one that is named twice is held once and counts as two sources
 * @param options.maxBytes of decoded pixels: a photo of 3:2 with a short side of 256 pixels has 295 kB
 * @throws TRAINING_DATA
 */
export async function loadPictures(
  paths: readonly string[],
  options: { maxSide: number; maxBytes: number; onProgress?: (loaded: number) => void },
): Promise<Pictures> {
  const parts: Buffer[] = [];
  const rows = new Map(paths.map(path => [path, [] as { offset: number; size: [number, number]; label: number }[]]));
  const labels = new Map<string, number>();
  let failed = 0;
  let total = 0;
  for (const [path, theirs] of rows) {
    const shrunk = pMapIterable(
      encodedPictures(path),
      async ({ name, bytes }) => ({ name, picture: await shrink(bytes, options.maxSide).catch(() => undefined) }),
      { concurrency: 8 },
    );
    for await (const { name, picture } of shrunk) {
      if (picture) {
        const { data, info } = picture;
        const label = name.split('/').at(-2) ?? '';
        if (!labels.has(label)) labels.set(label, labels.size);
        theirs.push({ offset: total, size: [info.width, info.height], label: labels.get(label)! });
        parts.push(data);
        total += data.length;
      } else failed++;
      options.onProgress?.(parts.length + failed);
      if (total > options.maxBytes)
        throw new MatvitError(
          'TRAINING_DATA',
          `the pictures need more than ${options.maxBytes} bytes once decoded; give fewer (matvit train takes a larger --memory)`,
        );
    }
  }
  if (parts.length === 0) throw new MatvitError('TRAINING_DATA', `no picture could be read from ${paths.join(', ')}`);
  const pixels = new SharedArrayBuffer(total);
  // from the end, so that a picture's own copy can be freed as soon as it is in
  for (let last; (last = parts.pop()) !== undefined;)
    new Uint8Array(pixels, (total -= last.length), last.length).set(last);
  const all = paths.flatMap((path, source) =>
    rows.get(path)!.map(({ offset, size, label }) => [offset, ...size, source, label]),
  );
  const table = new Float64Array(new SharedArrayBuffer(all.length * tableColumns * 8));
  all.forEach((row, i) => table.set(row, i * tableColumns));
  return { pixels, table, classes: [...labels.keys()], failed };
}

/** RGB, its short side at most `side` pixels long. */
const shrink = (bytes: Buffer, side: number) =>
  withPicture(bytes, {}, ({ image }) =>
    image
      .resize(side, side, { fit: 'outside', withoutEnlargement: true, kernel: 'cubic' })
      .flatten({ background: 'white' })
      .raw()
      .toBuffer({ resolveWithObject: true }),
  );

async function* encodedPictures(path: string): AsyncGenerator<Encoded> {
  try {
    if ((await stat(path)).isFile()) yield* fromTar(path);
    else {
      const { root, files, failed } = await scan(path);
      const nothing = Buffer.alloc(0); // counted like a damaged picture
      for (const name of files.map(file => join(root, file.path)))
        yield { name, bytes: await readFile(name).catch(() => nothing) };
      for (const file of failed) yield { name: file.path, bytes: nothing };
    }
  } catch (error) {
    throw new MatvitError('TRAINING_DATA', `${path}: ${reasonOf(error)}`, { cause: error });
  }
}

async function* fromTar(path: string): AsyncGenerator<Encoded> {
  const extract = tar.extract();
  pipeline(createReadStream(path), extract, () => undefined); // `extract` throws what goes wrong
  for await (const entry of extract) {
    if (entry.header.type !== 'file' || !isPictureName(entry.header.name)) {
      entry.resume();
      continue;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    yield { name: entry.header.name, bytes: Buffer.concat(chunks) };
  }
}
