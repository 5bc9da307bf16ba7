import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { storageFailed } from '../errors.js';
import { syncFolder } from './sync-folder.js';

/** How names end that were begun and not finished, for whoever sweeps. */
export const unfinishedSuffix = '\\.[0-9a-f-]{36}\\.tmp';

/**
 * Writes `path` whole or not at all: to a temporary name beside it, flushed to disk, then renamed, which is flushed too. Makes its folder.
 * @param data or its parts: each is made when those before it are written
 * @throws STORAGE_FAILED
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array | Iterable<Uint8Array>): Promise<void> {
  // threads share a process id, and so do containers
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      const parts = typeof data === 'string' || data instanceof Uint8Array ? [data] : data;
      for (const part of parts) await file.writeFile(part); // goes on where the one before it ended
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // what failed before says more
    throw storageFailed(path, error);
  }
}
