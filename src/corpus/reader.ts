/** From a file to its row in the catalogue: hash, decode, embed, as little of it as is needed. */
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { NewImage } from '../catalogue/changes.js';
import type { Encoder } from '../encoder/encoder.js';
import { MatvitError } from '../errors.js';
import { hashFile } from '../index/hash-file.js';
import { fullPoint } from '../model/operating-point.js';
import { Embedder } from './embedder.js';
import { type Failure, failureOf } from './failure.js';
import { limit } from './limit.js';
import type { Task } from './plan.js';
import type { KnownPictures } from './ports.js';

/** @returns the picture at `path`, uint8 [resolution, resolution, 3], in a buffer of its own */
export type Decode = (path: string, resolution: number) => Promise<Uint8Array>;

export class Reader {
  /** tasks that must be under way at the same time to keep the encoder and the decoders busy */
  readonly width: number;
  /** pictures that went through the encoder */
  embedded = 0;
  private readonly resolution: number;
  private readonly embedder: Embedder;
  private readonly reading: ReturnType<typeof limit>;
  /** vectors that are being made or not committed yet, by SHA-256: duplicates wait for them */
  private readonly underWay = new Map<string, Promise<Float32Array | Failure>>();

  constructor(
    private readonly root: string,
    private readonly catalogue: KnownPictures,
    encoder: Encoder,
    private readonly decode: Decode,
  ) {
    const point = fullPoint(encoder.architecture);
    const decoders = Math.max(4, availableParallelism());
    this.resolution = point.resolution;
    this.embedder = new Embedder(encoder, point);
    this.reading = limit(decoders);
    this.width = 2 * this.embedder.capacity + decoders;
  }

  /** Rejects only with the encoder's and the catalogue's errors, and DECODER_UNAVAILABLE: those of one picture are Failures. */
  async read({ file, metadata, edited, known, read }: Task): Promise<NewImage | Failure> {
    const replaces = known?.metadata;
    if (!read) return { ...known!, metadata, edited, replaces };
    const { path } = file;
    const absolute = join(this.root, path);
    let image: NewImage;
    try {
      const { size, mtimeMs } = await stat(absolute);
      const sha256 = await this.reading(() => hashFile(absolute));
      image = { path, sha256, size, mtime: mtimeMs, metadata, edited, replaces };
    } catch (error) {
      return failureOf(path, absolute, error, 'FILE_UNREADABLE');
    }
    if (this.catalogue.hasVector(image.sha256)) return image;
    let embedding = await this.underWay.get(image.sha256);
    if (!(embedding instanceof Float32Array)) {
      const own = this.embed(image);
      this.underWay.set(image.sha256, own);
      embedding = await own;
    }
    return embedding instanceof Float32Array ? { ...image, embedding } : embedding;
  }

  /** With the embedding, if it was left out because the catalogue had it. */
  async withEmbedding(image: NewImage): Promise<NewImage | Failure> {
    if (image.embedding) return image;
    const embedding = await this.embed(image);
    return embedding instanceof Float32Array ? { ...image, embedding } : embedding;
  }

  /** Tells that the catalogue has the vector now. */
  committed({ sha256 }: NewImage): void {
    this.underWay.delete(sha256);
  }

  private async embed({ path, size, mtime }: NewImage): Promise<Float32Array | Failure> {
    const file = join(this.root, path);
    let pixels: Uint8Array;
    try {
      const decoding = this.reading(() => this.decode(file, this.resolution));
      await Promise.allSettled([decoding]);
      // half of it may have been written: no more than with a file that cannot be read is the picture at fault
      const now = await stat(file);
      if (now.size !== size || now.mtimeMs !== mtime) throw new Error('it changed while it was being read');
      pixels = await decoding;
    } catch (error) {
      // the machine's trouble and not the picture's, which would be removed
      if (error instanceof MatvitError && error.code === 'DECODER_UNAVAILABLE') throw error;
      return failureOf(path, file, error, 'FILE_UNREADABLE');
    }
    const vector = await this.embedder.embed(pixels);
    this.embedded++;
    return vector;
  }
}
