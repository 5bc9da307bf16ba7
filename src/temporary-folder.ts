import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEnd } from './before-end.js';
import { storageFailed } from './errors.js';

export interface TemporaryFolder {
  readonly path: string;
  /** With what is in it. */
  remove(): Promise<void>;
}

/**
 * A new folder, which a signal that ends the process removes too.
 * @param beside where, and how its name begins
 * @throws STORAGE_FAILED
 */
export async function makeTemporaryFolder(beside = join(tmpdir(), 'matvit-')): Promise<TemporaryFolder> {
  const path = await mkdtemp(beside).catch((error: unknown) => {
    throw storageFailed(dirname(beside), error);
  });
  const options = { recursive: true, force: true, maxRetries: 3 }; // another thread may be writing into it
  const forget = beforeEnd(() => rmSync(path, options));
  return {
    path,
    remove: () => {
      forget();
      return rm(path, options);
    },
  };
}
