/** Thumbnails, each made once: kept in a folder by the SHA-256 of their picture. */
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Image } from '../catalogue/image.js';
import { ImageIndex } from '../corpus/image-index.js';
import { limit } from '../corpus/limit.js';
import type { SearchableIndex } from '../corpus/ports.js';
import { thumbnailsFolder } from '../corpus/scan.js';
import { hashFile } from '../index/hash-file.js';
import { writeFileAtomic } from '../model/write-file-atomic.js';
import type { Searcher } from '../search/searcher.js';
import { reportOf } from './errors.js';
import type { Service } from './service.js';

/** longer side, pixels: sharp on a dense display at the page's size */
export const thumbnailSize = 384;

const formats = ['webp', 'avif'] as const;
type ThumbnailFormat = (typeof formats)[number];

/** milliseconds after one could not be written */
const rest = 60_000;

export class Thumbnails {
  /** being made, so that many who ask at once wait for one */
  private readonly underWay = new Map<string, Promise<Buffer>>();
  /** Stored pictures are in memory while they have their turn: one being decoded, and the next. */
  private readonly inTurn = limit(2);
  /** until when none are written, by performance.now(): a disk that is full will be again */
  private restsUntil = 0;

  constructor(private readonly service: Service) {}

  /** @throws what decoding the picture does */
  async get({ index }: Searcher, image: Image, format: ThumbnailFormat): Promise<Buffer> {
    const file = this.fileOf(index, image.sha256, format);
    const kept = file === undefined ? undefined : await readFile(file).catch(() => undefined);
    if (kept) return kept;
    const name = fileName(image.sha256, format);
    const making =
      this.underWay.get(name) ??
      this.inTurn(() => this.make(file, image, index, format)).finally(() => {
        this.underWay.delete(name);
      });
    this.underWay.set(name, making);
    return making;
  }

  /** What is deleted or replaced here leaves nothing behind; a copy that is still there is made again. */
  async forget({ index }: Searcher, sha256: string): Promise<void> {
    const removals = formats.map(async format => {
      const file = this.fileOf(index, sha256, format);
      if (file === undefined) return;
      const remove = () => rm(file, { force: true }).catch(() => undefined);
      void this.underWay.get(fileName(sha256, format))?.then(remove, () => undefined);
      await remove();
    });
    await Promise.all(removals);
  }

  /**
   * Removes those of pictures that have left the index in other ways, by indexing for instance. They are not looked for in
   * a folder that the settings name, where other indexes may keep theirs.
   */
  async sweep(): Promise<void> {
    const { config, searchers, log } = this.service;
    const { value: searcher, release } = searchers.lease();
    const { index } = searcher;
    try {
      if (config.thumbnails !== undefined || !(index instanceof ImageIndex)) return;
      const folder = join(index.folder, thumbnailsFolder);
      // part by part, so that others have the thread in between
      for (const part of await namesIn(folder))
        for (const name of await namesIn(join(folder, part))) {
          if (this.service.stopping) return; // the index is about to be closed
          const sha256 = /^([0-9a-f]{64})-\d+\.\w+$/.exec(name)?.[1];
          if (sha256 === undefined || index.catalogue.hasVector(sha256)) continue;
          await rm(join(folder, part, name), { force: true });
        }
    } catch (error) {
      log.warn({ error: reportOf(error) }, 'thumbnails of pictures that are gone cannot be removed');
    } finally {
      release();
    }
  }

  /** @returns undefined if there is no place to keep it */
  private fileOf({ cacheFolder }: SearchableIndex, sha256: string, format: ThumbnailFormat): string | undefined {
    const folder = this.service.config.thumbnails ?? (cacheFolder && join(cacheFolder, thumbnailsFolder));
    return folder && join(folder, fileName(sha256, format));
  }

  private async make(
    file: string | undefined,
    image: Image,
    index: SearchableIndex,
    format: ThumbnailFormat,
  ): Promise<Buffer> {
    const source = await index.picture(image);
    const { decoder, log } = this.service;
    const limits = image.stored ? this.service.limits : this.service.folderLimits;
    const data = await decoder.thumbnail(source, { name: image.path, size: thumbnailSize, limits, format });
    // a file that changed since it was indexed is shown, but not kept under its old hash
    const isSame = typeof source !== 'string' || (await hashFile(source)) === image.sha256;
    if (file !== undefined && performance.now() >= this.restsUntil && isSame)
      await writeFileAtomic(file, data).catch((error: unknown) => {
        this.restsUntil = performance.now() + rest; // it serves all the same
        log.warn({ error: reportOf(error) }, 'thumbnails cannot be kept');
      });
    return data;
  }
}

/** none where there is no such folder */
const namesIn = (folder: string) => readdir(folder).catch(() => []);

const fileName = (sha256: string, format: ThumbnailFormat) =>
  join(sha256.slice(0, 2), `${sha256}-${thumbnailSize}.${format}`);
