/** Thumbnails, each made once: kept in a folder by the SHA-256 of their picture. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Image } from '../catalogue/image.js';
import { hashFile } from '../index/hash-file.js';
import type { PictureSource } from '../image/open.js';
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
    const file = this.fileOf(index.folder, image.sha256, format);
    const kept = await readFile(file).catch(() => undefined);
    if (kept) return kept;
    const making =
      this.underWay.get(file) ??
      this.make(file, image, index.picture(image), format).finally(() => this.underWay.delete(file));
    this.underWay.set(file, making);
    return making;
  }

  /** What is no longer in the index leaves nothing behind; a copy that is still there is made again. */
  async forget({ index }: Searcher, sha256: string): Promise<void> {
    const files = thumbnailFormats.map(format => this.fileOf(index.folder, sha256, format));
    await Promise.all(files.map(file => rm(file, { force: true }).catch(() => undefined)));
  }

  private fileOf(index: string, sha256: string, format: ThumbnailFormat): string {
    const folder = this.service.config.thumbnails ?? join(index, 'thumbnails');
    return join(folder, sha256.slice(0, 2), `${sha256}-${thumbnailSize}.${format}`);
  }

  private async make(file: string, image: Image, source: PictureSource, format: ThumbnailFormat): Promise<Buffer> {
    const { decoder, limits, log } = this.service;
    const data = await decoder.thumbnail(source, { name: image.path, size: thumbnailSize, limits, format });
    // a file that changed since it was indexed is shown, but not kept under its old hash
    const isSame = typeof source !== 'string' || (await hashFile(source)) === image.sha256;
    if (this.canWrite && isSame)
      await writeFileAtomic(file, data).catch((error: unknown) => {
        this.canWrite = false; // it serves all the same
        log.warn({ error: String(error) }, 'thumbnails cannot be kept');
      });
    return data;
  }
}
