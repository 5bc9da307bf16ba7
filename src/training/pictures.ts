/**
 * Training pictures in memory: decoded, upright, shrunk to at most `maxSide` on the short side, side by side in one
 * shared buffer that all workers read. Folders and tar files are read; what cannot be decoded is counted and left out.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { pMapIterable } from 'p-map';
import tar from 'tar-stream';
import { scan } from '../corpus/scan.js';
import { MatvitError, reasonOf } from '../errors.js';
import { isPictureName } from '../image/format.js';
import { defaultLimits } from '../image/limits.js';
import { type PictureSource, withPicture } from '../image/open.js';
import { pictureError } from '../image/picture-error.js';
import { tooLarge } from '../image/read.js';

export interface Pictures {
  /** RGB pictures one after the other */
  readonly pixels: SharedArrayBuffer;
  /** [n, 5]: byte offset, width, height, source (index into the paths given), class (index into `classes`) */
  readonly table: Float64Array;
  /** names of the parent folders */
  readonly classes: readonly string[];
  /** pictures that could not be read, and why the first of them could not */
  readonly failed: number;
  readonly firstFailure?: string | undefined;
}

export const tableColumns = 5;

interface Encoded {
  readonly name: string;
  /** or why there is none */
  readonly source: PictureSource | MatvitError;
}

/** Whether the next of `count` pictures is among those to be read: `most` of them, evenly spread. */
function chooser(count: number, most: number): () => boolean {
  const share = Math.min(most, count);
  let passed = 0;
  return () => Math.floor((++passed * share) / count) > Math.floor(((passed - 1) * share) / count);
}

/**
 * @param paths folders, searched recursively, or tar files; one that is named twice is held once and counts as two sources
 * @param options.maxBytes of decoded pixels: a photo of 3:2 with a short side of 256 pixels has 295 kB
 * @param options.most pictures to read, spread evenly over each of the paths; all by default
 * @throws TRAINING_DATA
 */
export async function loadPictures(
  paths: readonly string[],
  options: { maxSide: number; maxBytes?: number; most?: number; onProgress?: (loaded: number) => void },
): Promise<Pictures> {
  const { maxSide, maxBytes = Infinity, most = Infinity } = options;
  const parts: Buffer[] = [];
  const rows = new Map(paths.map(path => [path, [] as { offset: number; size: [number, number]; label: number }[]]));
  const labels = new Map<string, number>();
  let failed = 0;
  let firstFailure: string | undefined;
  let total = 0;
  for (const [path, theirs] of rows) {
    const shrunk = pMapIterable(
      encodedPictures(path, Math.ceil(most / rows.size)),
      async picture => ({ name: picture.name, shrunk: await shrink(picture, maxSide).catch(detailOf) }),
      { concurrency: 8 },
    );
    for await (const { name, shrunk: picture } of shrunk) {
      if (typeof picture !== 'string') {
        const { data, info } = picture;
        const label = name.split('/').at(-2) ?? '';
        if (!labels.has(label)) labels.set(label, labels.size);
        theirs.push({ offset: total, size: [info.width, info.height], label: labels.get(label)! });
        parts.push(data);
        total += data.length;
      } else {
        failed++;
        firstFailure ??= picture;
      }
      options.onProgress?.(parts.length + failed);
      if (total > maxBytes)
        throw new MatvitError(
          'TRAINING_DATA',
          `the pictures need more than ${maxBytes} bytes once decoded; give fewer, or a larger --memory`,
        );
    }
  }
  if (parts.length === 0) {
    const reason = firstFailure === undefined ? '' : `: ${firstFailure}`;
    throw new MatvitError('TRAINING_DATA', `no picture could be read from ${paths.join(', ')}${reason}`);
  }
  const pixels = new SharedArrayBuffer(total);
  // from the end, so that a picture's own copy can be freed as soon as it is in
  for (let last; (last = parts.pop()) !== undefined;)
    new Uint8Array(pixels, (total -= last.length), last.length).set(last);
  const all = paths.flatMap((path, source) =>
    rows.get(path)!.map(({ offset, size, label }) => [offset, ...size, source, label]),
  );
  const table = new Float64Array(new SharedArrayBuffer(all.length * tableColumns * 8));
  all.forEach((row, i) => table.set(row, i * tableColumns));
  return { pixels, table, classes: [...labels.keys()], failed, firstFailure };
}

/** RGB, its short side at most `side` pixels long. */
async function shrink({ name, source }: Encoded, side: number) {
  if (source instanceof MatvitError) throw source;
  return withPicture(source, { name }, ({ image }) =>
    image
      .resize(side, side, { fit: 'outside', withoutEnlargement: true, kernel: 'cubic' })
      .flatten({ background: 'white' })
      .raw()
      .toBuffer({ resolveWithObject: true }),
  );
}

const detailOf = (error: unknown): string => (error instanceof MatvitError ? error.detail : reasonOf(error));

async function* encodedPictures(path: string, most: number): AsyncGenerator<Encoded> {
  try {
    if ((await stat(path)).isFile()) yield* fromTar(path, most);
    else {
      const { root, files, failed } = await scan(path);
      const isChosen = chooser(files.length, most);
      for (const name of files.filter(isChosen).map(file => join(root, file.path))) yield { name, source: name };
      for (const file of failed) yield { name: file.path, source: pictureError(file.code, file.path, file.reason) };
    }
  } catch (error) {
    throw new MatvitError('TRAINING_DATA', `${path}: ${reasonOf(error)}`, { cause: error });
  }
}

async function* fromTar(path: string, most: number): AsyncGenerator<Encoded> {
  const isChosen = most === Infinity ? () => true : chooser(await countIn(path), most);
  for await (const entry of entriesOf(path)) {
    if (!isChosen()) continue;
    const { name, size = 0 } = entry.header;
    yield { name, source: tooLarge(size, defaultLimits, name) ?? (await bytesOf(entry)) };
  }
}

/** Those of a tar file that are named like pictures. What is not read of one is passed over. */
async function* entriesOf(path: string) {
  const extract = tar.extract();
  pipeline(createReadStream(path), extract, () => undefined); // `extract` throws what goes wrong
  for await (const entry of extract) {
    if (entry.header.type === 'file' && isPictureName(entry.header.name)) yield entry;
    entry.resume();
  }
}

async function countIn(path: string): Promise<number> {
  let count = 0;
  for (const entries = entriesOf(path); !(await entries.next()).done;) count++;
  return count;
}

async function bytesOf(entry: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
