/** Thumbnails, each made once: kept in a folder by the SHA-256 of their picture. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Image } from '../catalogue/image.js';
import type { SearchableIndex } from '../corpus/ports.js';
import { hashFile } from '../index/hash-file.js';
import { writeFileAtomic } from '../model/write-file-atomic.js';
import type { Searcher } from '../search/searcher.js';
import type { Service } from './service.js';

/** longer side, pixels: sharp on a dense display at the page's size */
export const thumbnailSize = 384;

export const thumbnailFormats = ['webp', 'avif'] as const;
export type ThumbnailFormat = (typeof thumbnailFormats)[number];

export class Thumbnails {
  /** being made, so that many who ask at once wait for one */
  private readonly underWay = new Map<string, Promise<Buffer>>();
  private canWrite = true;

  constructor(private readonly service: Service) {}

  /** @throws what decoding the picture does */
  async get({ index }: Searcher, image: Image, format: ThumbnailFormat): Promise<Buffer> {
    const file = this.fileOf(index, image.sha256, format);
    const kept = file === undefined ? undefined : await readFile(file).catch(() => undefined);
    if (kept) return kept;
    const name = fileName(image.sha256, format);
    const making =
      this.underWay.get(name) ??
      this.make(file, image, index, format).finally(() => {
        this.underWay.delete(name);
      });
    this.underWay.set(name, making);
    return making;
  }

  /** What is no longer in the index leaves nothing behind; a copy that is still there is made again. */
  async forget({ index }: Searcher, sha256: string): Promise<void> {
    const files = thumbnailFormats.flatMap(format => this.fileOf(index, sha256, format) ?? []);
    await Promise.all(files.map(file => rm(file, { force: true }).catch(() => undefined)));
  }

  /** @returns undefined if there is no place to keep it */
  private fileOf({ cacheFolder }: SearchableIndex, sha256: string, format: ThumbnailFormat): string | undefined {
    const folder = this.service.config.thumbnails ?? (cacheFolder && join(cacheFolder, 'thumbnails'));
    return folder && join(folder, fileName(sha256, format));
  }

  private async make(
    file: string | undefined,
    image: Image,
    index: SearchableIndex,
    format: ThumbnailFormat,
  ): Promise<Buffer> {
    const source = await index.picture(image);
    const { decoder, limits, log } = this.service;
    const data = await decoder.thumbnail(source, { name: image.path, size: thumbnailSize, limits, format });
    // a file that changed since it was indexed is shown, but not kept under its old hash
    const isSame = typeof source !== 'string' || (await hashFile(source)) === image.sha256;
    if (file !== undefined && this.canWrite && isSame)
      await writeFileAtomic(file, data).catch((error: unknown) => {
        this.canWrite = false; // it serves all the same
        log.warn({ error: String(error) }, 'thumbnails cannot be kept');
      });
    return data;
  }
}

const fileName = (sha256: string, format: ThumbnailFormat) =>
  join(sha256.slice(0, 2), `${sha256}-${thumbnailSize}.${format}`);
