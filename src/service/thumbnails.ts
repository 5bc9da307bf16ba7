/** Thumbnails, each made once: kept in a folder by the SHA-256 of their picture. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Image } from '../catalogue/image.js';
import { hashFile } from '../index/hash-file.js';
import type { PictureSource } from '../image/open.js';
import { thumbnail } from '../image/thumbnail.js';
import { writeFileAtomic } from '../model/write-file-atomic.js';
import type { Service } from './service.js';

/** longer side, pixels: sharp on a dense display at the page's size */
export const thumbnailSize = 384;

export class Thumbnails {
  /** being made, so that many who ask at once wait for one */
  private readonly underWay = new Map<string, Promise<Buffer>>();
  private canWrite = true;

  constructor(private readonly service: Service) {}

  /** @throws what decoding the picture does */
  async get(folder: string, image: Image, source: PictureSource, format: 'webp' | 'avif'): Promise<Buffer> {
    const file = join(folder, image.sha256.slice(0, 2), `${image.sha256}-${thumbnailSize}.${format}`);
    const kept = await readFile(file).catch(() => undefined);
    if (kept) return kept;
    const making =
      this.underWay.get(file) ?? this.make(file, image, source, format).finally(() => this.underWay.delete(file));
    this.underWay.set(file, making);
    return making;
  }

  private async make(file: string, image: Image, source: PictureSource, format: 'webp' | 'avif'): Promise<Buffer> {
    const { limits, log } = this.service;
    const data = await thumbnail(source, { name: image.path, size: thumbnailSize, limits, format });
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
