/** Finding the pictures of a folder. */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { MatvitError, reasonOf } from '../errors.js';
import { isPictureName } from '../image/format.js';
import type { Failure } from './failure.js';
import { inOrder } from './in-order.js';

/** Where servers keep thumbnails, in an index's own folder. */
export const thumbnailsFolder = 'thumbnails';

export interface FoundFile {
  /** relative to the folder, with slashes */
  readonly path: string;
  /** bytes */
  readonly size: number;
  /** milliseconds since 1970 */
  readonly mtime: number;
}

export interface Scan {
  /** absolute, links resolved */
  readonly root: string;
  /** by ascending path (by code unit): the same folder always gives the same order */
  readonly files: readonly FoundFile[];
  /** files that do not look like pictures */
  readonly ignored: number;
  /** dangling links and the like; a folder that cannot be listed ends with a slash */
  readonly failed: readonly Failure[];
}

/** Absolute, links resolved. @throws FOLDER_UNREADABLE if it cannot be listed */
export async function rootOf(folder: string): Promise<string> {
  try {
    const root = await realpath(folder);
    await readdir(root);
    return root;
  } catch (error) {
    throw new MatvitError('FOLDER_UNREADABLE', `${folder}: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * Lists pictures by their extension, recursively. Names that begin with a dot are passed over, folders' too. Links are
 * followed, but each folder is walked once only, by its own path if that is inside, and those around `folder` never: so
 * links may form loops. An index's thumbnails are left out, as the index may be below the folder that it is of.
 * @throws FOLDER_UNREADABLE if the folder itself cannot be listed
 */
export async function scan(folder: string): Promise<Scan> {
  const root = await rootOf(folder);
  const files: FoundFile[] = [];
  const failed: Failure[] = [];
  let ignored = 0;
  const walked = new Set<string>();
  /** still to be walked; links to folders when all real folders have been */
  const folders = [''];
  const links: string[] = [];

  const walk = async (folder: string): Promise<void> => {
    const real = await realpath(join(root, folder));
    const isAround = real !== root && root.startsWith(join(real, sep)); // the root of a drive begins with itself
    if (walked.has(real) || isAround) return;
    walked.add(real);
    const entries = await readdir(real, { withFileTypes: true });
    const isIndex = entries.some(entry => entry.name === 'catalogue.sqlite');
    const visible = entries
      .filter(({ name }) => !name.startsWith('.') && !(isIndex && name === thumbnailsFolder))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const statuses = inOrder(visible, 32, entry => look(join(real, entry.name), entry));
    for (const { name } of visible) {
      const path = `${folder}${name}`;
      const status = (await statuses.next()).value as Status;
      if (status === 'folder') folders.push(`${path}/`);
      else if (status === 'link to a folder') links.push(`${path}/`);
      else if (status === 'something else') ignored++;
      // what a link that leads nowhere now had below it may come back
      else if ('reason' in status) failed.push({ path: isPictureName(path) ? path : `${path}/`, ...status });
      else files.push({ path, ...status });
    }
  };

  for (let next; (next = folders.shift() ?? links.shift()) !== undefined;)
    try {
      await walk(next);
    } catch (error) {
      failed.push({ path: next, code: 'FOLDER_UNREADABLE', reason: reasonFor(next, error) });
    }
  const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);
  return { root, files: files.sort(byPath), ignored, failed: failed.sort(byPath) };
}

/** The same for what needs pictures. @throws FOLDER_UNREADABLE, also if there is none */
export async function scanPictures(folder: string): Promise<Scan> {
  const found = await scan(folder);
  if (found.files.length === 0) throw new MatvitError('FOLDER_UNREADABLE', `${folder} holds no pictures`);
  return found;
}

/** Node puts U+FFFD for what is not UTF-8 in a name, and then finds nothing by that name. */
const reasonFor = (path: string, error: unknown): string =>
  path.includes('\ufffd') && (error as NodeJS.ErrnoException).code === 'ENOENT'
    ? 'its name is not UTF-8; rename it'
    : reasonOf(error);

type Status = 'folder' | 'link to a folder' | 'something else' | Omit<FoundFile, 'path'> | Omit<Failure, 'path'>;

async function look(path: string, entry: Dirent): Promise<Status> {
  const isPicture = isPictureName(path);
  if (entry.isDirectory()) return 'folder';
  if (!isPicture && !entry.isSymbolicLink()) return 'something else';
  try {
    const status = await stat(path);
    if (status.isDirectory()) return 'link to a folder';
    return isPicture && status.isFile() ? { size: status.size, mtime: status.mtimeMs } : 'something else';
  } catch (error) {
    return { code: isPicture ? 'FILE_UNREADABLE' : 'FOLDER_UNREADABLE', reason: reasonFor(path, error) };
  }
}
