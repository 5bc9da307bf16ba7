import { open } from 'node:fs/promises';

/** Of platforms, file systems and permissions that do not let folders be flushed. */
const impossible: ReadonlySet<string | undefined> = new Set([
  ...['EACCES', 'EBADF', 'EINVAL', 'EISDIR', 'ENOSYS', 'ENOTSUP', 'EPERM'],
]);

/** Flushes the names in a folder to disk: until then a power failure may undo a rename, however well the file was flushed. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    if (!impossible.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}
