/** What an indexing run has to do: the folder as it is now beside the catalogue as it was left. */
import { existsSync } from 'node:fs';
import type { Catalogue } from '../catalogue/catalogue.js';
import type { Image, Metadata } from '../catalogue/image.js';
import { MatvitError } from '../errors.js';
import type { FoundFile, Scan } from './scan.js';

export interface Task {
  readonly file: FoundFile;
  readonly metadata: Metadata;
  /** what the catalogue has at this path */
  readonly known: Image | undefined;
  /** Must the file be read, or has only its metadata changed? */
  readonly read: boolean;
}

export interface Plan {
  /** in the order of the scan */
  readonly tasks: readonly Task[];
  /** pictures whose size, modification time and metadata are those in the catalogue */
  readonly unchanged: number;
  /** paths in the catalogue of files that are no more */
  readonly gone: readonly string[];
}

/** @throws OPTION_INVALID when the index belongs to another folder, which is still there */
export function plan(scan: Scan, catalogue: Catalogue, metadataOf: (path: string) => Metadata): Plan {
  const { root } = catalogue;
  if (root !== undefined && root !== scan.root && existsSync(root))
    throw new MatvitError(
      'OPTION_INVALID',
      `the index holds the pictures of ${root}; put ${scan.root} into another one`,
    );
  const known = new Map(catalogue.images().map(image => [image.path, image]));
  const tasks: Task[] = [];
  for (const file of scan.files) {
    const before = known.get(file.path);
    known.delete(file.path);
    const metadata = metadataOf(file.path);
    const read = before?.size !== file.size || before.mtime !== file.mtime;
    if (read || JSON.stringify(before.metadata) !== JSON.stringify(metadata))
      tasks.push({ file, metadata, known: before, read });
  }
  // nothing is known of what is in a folder that cannot be listed
  const unlisted = scan.failed.map(({ path }) => path).filter(path => path.endsWith('/'));
  const gone = [...known.keys()].filter(path => !unlisted.some(folder => path.startsWith(folder)));
  return { tasks, unchanged: scan.files.length - tasks.length, gone };
}
