/**
 * Bringing an index up to date with a folder of pictures: scan -> hash -> decode -> embed -> store.
 *
 * Rows are committed in the order of the scan, in transactions. A run that is killed therefore leaves a prefix of its
 * work, and the next one continues it: for a folder indexed from nothing the catalogue ends the same, ids and vectors
 * included, however often the run was cut off. For one that changed in between, ids may differ; paths, SHA-256s, vectors
 * and metadata do not.
 */
import type { NewImage } from '../catalogue/changes.js';
import type { Metadata } from '../catalogue/image.js';
import type { Encoder } from '../encoder/encoder.js';
import { MatvitError } from '../errors.js';
import type { Failure } from './failure.js';
import { inOrder } from './in-order.js';
import { plan } from './plan.js';
import type { WritableIndex } from './ports.js';
import { type Decode, Reader } from './reader.js';
import { scan } from './scan.js';

export interface IndexingOptions {
  readonly folder: string;
  /** open for writing */
  readonly index: WritableIndex;
  readonly encoder: Encoder;
  readonly decode: Decode;
  /** by path; without it known pictures keep theirs, and that of new ones is their folder's name, as `label` */
  readonly metadata?: ReadonlyMap<string, Metadata> | undefined;
  /** may a folder that has no pictures any more take all of its out of the index? */
  readonly mayEmpty?: boolean;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** ends the run early, with what is ready committed */
  readonly signal?: AbortSignal | undefined;
}

export interface Progress {
  /** pictures dealt with, of `total`: skipped and failed ones too */
  readonly done: number;
  readonly total: number;
  readonly skipped: number;
  readonly failed: number;
  /** pictures a second, without the skipped ones */
  readonly rate: number;
}

export interface IndexingReport {
  readonly added: number;
  /** content or metadata replaced */
  readonly updated: number;
  readonly unchanged: number;
  /** the file is gone, or no picture any more */
  readonly removed: number;
  /** pictures that went through the encoder: not moved ones, nor duplicates */
  readonly embedded: number;
  readonly failed: readonly Failure[];
  /** files that do not look like pictures */
  readonly ignored: number;
  /** entries of `metadata` that belong to no picture */
  readonly unmatched: number;
  /** Was it ended early by its signal? */
  readonly interrupted: boolean;
  readonly seconds: number;
}

/** What is lost when the process is killed: the pictures of this long, or this many. */
const commitMilliseconds = 1000;
const commitPictures = 256;

/**
 * @throws FOLDER_UNREADABLE, FOLDER_EMPTY, OPTION_INVALID (the index is of another folder), MODEL_MISMATCH, and what the encoder and
 *   the index throw; what was ready is committed first
 */
export async function indexFolder(options: IndexingOptions): Promise<IndexingReport> {
  const { index, encoder, signal, metadata } = options;
  const start = performance.now();
  if (encoder.fingerprint !== index.catalogue.fingerprint)
    throw new MatvitError('MODEL_MISMATCH', `${index.folder} was opened for another model than the encoder's`);
  const found = await scan(options.folder);
  const { tasks, unchanged, gone, refused } = plan(found, index.catalogue, metadata, options.mayEmpty);
  const paths = new Set(found.files.map(file => file.path));
  const reader = new Reader(found.root, index.catalogue, encoder, options.decode);

  const failed: Failure[] = [...found.failed, ...refused];
  let [added, updated, removed] = [0, 0, 0];
  let put: NewImage[] = [];
  let remove: number[] = [];
  let lastCommit = performance.now();
  const commit = async () => {
    try {
      await index.commit({ root: found.root, put, remove });
    } catch (error) {
      if (!(error instanceof MatvitError) || error.code !== 'VECTOR_INVALID') throw error;
      // a vector that was there when its file was read has been removed with its last picture
      const embedded = await Promise.all(put.map(image => reader.withEmbedding(image)));
      put = [];
      for (const result of embedded)
        if ('code' in result) failed.push(result);
        else put.push(result);
      await index.commit({ root: found.root, put, remove });
    }
    removed += remove.length;
    put.forEach(image => reader.committed(image));
    [put, remove] = [[], []];
    lastCommit = performance.now();
  };
  const firstTask = performance.now();
  const report = (done: number) =>
    options.onProgress?.({
      done: unchanged + done,
      total: found.files.length,
      skipped: unchanged,
      failed: failed.length,
      rate: done === 0 ? 0 : (1000 * done) / (performance.now() - firstTask),
    });

  let done = 0;
  report(done);
  try {
    if (!signal?.aborted)
      for await (const result of inOrder(tasks, reader.width, task => reader.read(task))) {
        const { known } = tasks[done++]!;
        if ('code' in result) {
          failed.push(result);
          // a file that cannot be read now, or a decoder that was lost, says nothing of the picture
          if (known && result.code.startsWith('IMAGE_')) remove.push(known.id);
        } else {
          put.push(result);
          if (known) updated++;
          else added++;
        }
        report(done);
        if (signal?.aborted) break;
        if (put.length >= commitPictures || performance.now() - lastCommit >= commitMilliseconds) await commit();
      }
  } finally {
    await commit();
  }
  const interrupted = done < tasks.length;
  if (!interrupted) {
    await index.commit({ remove: gone, prune: 'all' });
    removed += gone.length;
    await index.save();
  }
  return {
    ...{ added, updated, unchanged, removed, embedded: reader.embedded, failed, ignored: found.ignored },
    unmatched: [...(metadata?.keys() ?? [])].filter(path => !paths.has(path)).length,
    interrupted,
    seconds: (performance.now() - start) / 1000,
  };
}
