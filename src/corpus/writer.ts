/** Changing single pictures of an index that is open, while it is being searched. */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Image, Metadata } from '../catalogue/image.js';
import type { Encoder } from '../encoder/encoder.js';
import { MatvitError } from '../errors.js';
import { decode as decodeHere } from '../image/decode.js';
import { sniffFormat } from '../image/format.js';
import type { ImageLimits } from '../image/limits.js';
import type { PictureSource } from '../image/open.js';
import { readPicture } from '../image/read.js';
import { fullPoint } from '../model/operating-point.js';
import { Embedder } from './embedder.js';
import type { ImageIndex } from './image-index.js';
import { checkMetadata, mergePatch, relativePath } from './metadata.js';

export interface NewPicture {
  /** a file to read, or the bytes */
  readonly picture: PictureSource;
  /** relative, with slashes; made from the SHA-256 if left out */
  readonly path?: string | undefined;
  readonly metadata?: Metadata | undefined;
}

export interface WriterOptions {
  readonly limits?: ImageLimits;
  readonly decode?: typeof decodeHere;
}

interface Read {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly embedding: Float32Array | undefined;
}

interface Waiting {
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What a method resolves to is on disk, and in the next search. Pictures added here are kept in the catalogue, bytes and
 * all. Calls may overlap: those that are ready at the same time share one transaction, and one flush.
 *
 * Every method @throws INDEX_LOCKED (another process is indexing), STORAGE_FAILED, CATALOGUE_CORRUPT
 */
export class Writer {
  private readonly embedder: Embedder;
  private readonly resolution: number;
  private readonly queue: Waiting[] = [];
  private flushing: Promise<void> | undefined;
  /** pictures that are being read and embedded, up to their commit */
  private readonly writing = new Set<Promise<unknown>>();

  /** @param index open for writing, or shared @throws MODEL_MISMATCH */
  constructor(
    private readonly index: ImageIndex,
    encoder: Encoder,
    private readonly options: WriterOptions = {},
  ) {
    if (encoder.fingerprint !== index.catalogue.fingerprint)
      throw new MatvitError('MODEL_MISMATCH', `${index.folder} was opened for another model than the encoder's`);
    const point = fullPoint(encoder.architecture);
    this.resolution = point.resolution;
    this.embedder = new Embedder(encoder, point);
  }

  /**
   * Adds a picture, or replaces the one that was added at the same path before: a call may be repeated.
   * @returns with the one that it replaced, if any
   * @throws PATH_TAKEN (by a file of the indexed folder), REQUEST_INVALID (path), METADATA_INVALID, and what decode does
   */
  async add({ picture, path, metadata = {} }: NewPicture): Promise<{ image: Image; before: Image | undefined }> {
    checkMetadata(metadata);
    if (path !== undefined && relativePath(path) !== path)
      throw new MatvitError('REQUEST_INVALID', `'${path}' is not a plain relative path`);
    return this.write(picture, read => {
      const at = path ?? defaultPath(read);
      const before = this.index.catalogue.imageAt(at);
      if (before && !before.stored) throw new MatvitError('PATH_TAKEN', `${at} is a file of the indexed folder`);
      return { image: this.put(at, metadata, read), before };
    });
  }

  /** Gives a picture other bytes; it keeps id, path and metadata. @throws NOT_FOUND, PATH_TAKEN and what decode does */
  async replace(id: number, picture: PictureSource): Promise<Image> {
    return this.write(picture, read => {
      const { path, metadata, stored } = this.find(id);
      if (!stored) throw new MatvitError('PATH_TAKEN', `${path} is a file of the indexed folder: change it there`);
      return this.put(path, metadata, read);
    });
  }

  /** Merges `patch` into the metadata by RFC 7396: null removes a key. @throws NOT_FOUND, METADATA_INVALID */
  async patchMetadata(id: number, patch: Metadata): Promise<Image> {
    checkMetadata(patch); // its depth too, before merging walks it
    return this.commit(() => {
      const metadata = mergePatch(this.find(id).metadata, patch);
      checkMetadata(metadata);
      this.index.catalogue.commit({ edit: [{ id, metadata }] });
      return this.find(id);
    });
  }

  /**
   * A file of the indexed folder comes back with the next indexing, unless it is deleted there.
   * @returns what was deleted @throws NOT_FOUND
   */
  async delete(id: number): Promise<Image> {
    return this.commit(() => {
      const image = this.find(id);
      this.index.catalogue.commit({ remove: [id], prune: 'touched' });
      return image;
    });
  }

  /** Waits for what is under way; the index stays open. */
  async close(): Promise<void> {
    while (this.writing.size > 0) await Promise.allSettled(this.writing);
    await this.flushing;
  }

  private find(id: number): Image {
    const image = this.index.catalogue.image(id);
    if (!image) throw new MatvitError('NOT_FOUND', `there is no picture ${id}`);
    return image;
  }

  private put(path: string, metadata: Metadata, { bytes, sha256, embedding }: Read): Image {
    const { catalogue } = this.index;
    const file = { path, sha256, size: bytes.length, mtime: Date.now(), metadata, bytes };
    catalogue.commit({ put: [{ ...file, embedding }], prune: 'touched' });
    return catalogue.imageAt(path)!;
  }

  private write<T>(picture: PictureSource, work: (read: Read) => T): Promise<T> {
    const written = this.readAndCommit(picture, work);
    const ended = () => this.writing.delete(written);
    this.writing.add(written);
    written.then(ended, ended);
    return written;
  }

  /** Reads and embeds a picture, then commits. */
  private async readAndCommit<T>(picture: PictureSource, work: (read: Read) => T): Promise<T> {
    const { decode = decodeHere, ...limits } = this.options;
    const bytes = typeof picture === 'string' ? await readPicture(picture, limits) : picture;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const name = typeof picture === 'string' ? { name: picture } : {};
    const embed = async () => this.embedder.embed(await decode(bytes, this.resolution, { ...limits, ...name }));
    const { catalogue } = this.index;
    const known = catalogue.hasVector(sha256);
    const read = { bytes, sha256, embedding: known ? undefined : await embed() };
    try {
      return await this.commit(() => work(read));
    } catch (error) {
      // the vector that was there a moment ago has been removed with its last image
      if (!known || !(error instanceof MatvitError) || error.code !== 'VECTOR_INVALID') throw error;
      const embedding = await embed();
      return this.commit(() => work({ ...read, embedding }));
    }
  }

  private commit<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.queue.push({ work, resolve, reject });
      this.flushing ??= this.flush().finally(() => (this.flushing = undefined));
    });
  }

  private async flush(): Promise<void> {
    while (this.queue.length > 0) {
      await new Promise(resolve => setImmediate(resolve)); // whoever is ready now comes along
      const group = this.queue.splice(0);
      try {
        const results = await this.index.write(catalogue =>
          catalogue.together(() => group.map(({ work }) => attempt(work))),
        );
        group.forEach(({ resolve, reject }, i) => {
          const result = results[i]!;
          if ('error' in result) reject(result.error);
          else resolve(result.value as never);
        });
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
  }
}

/** What is wrong with one change, errors of programs included, does not concern the others of its group; a full disk does. */
function attempt(work: () => unknown): { value: unknown } | { error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof MatvitError && error.status >= 500) throw error;
    return { error };
  }
}

function defaultPath({ bytes, sha256 }: Read): string {
  return posix.join('added', `${sha256.slice(0, 16)}.${sniffFormat(bytes) ?? 'picture'}`);
}
