/** What an indexing run has to do: the folder as it is now beside the catalogue as it was left. */
import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Image, Metadata } from '../catalogue/image.js';
import { MatvitError } from '../errors.js';
import type { Failure } from './failure.js';
import { folderMetadata } from './metadata.js';
import type { KnownPictures } from './ports.js';
import type { FoundFile, Scan } from './scan.js';

export interface Task {
  readonly file: FoundFile;
  readonly metadata: Metadata;
  /** Does the metadata come from an edit? */
  readonly edited: boolean;
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
  /** ids of pictures whose files are no more */
  readonly gone: readonly number[];
  /** files with the path of a picture that was added by itself */
  readonly refused: readonly Failure[];
}

/**
 * Leaves alone what was added by itself, and metadata that was edited since, unless `given` has some for the picture.
 * @param given by path; without it known pictures keep what they have, and new ones get the name of their folder
 * @param mayEmpty may all pictures go?
 * @throws OPTION_INVALID when the index belongs to another folder, which is still there or was unlike this one; FOLDER_EMPTY
 */
export function plan(
  scan: Scan,
  catalogue: KnownPictures,
  given: ReadonlyMap<string, Metadata> | undefined,
  mayEmpty = false,
): Plan {
  const { root } = catalogue;
  const known = new Map(catalogue.images().map(image => [image.path, image]));
  if (root !== undefined && root !== scan.root && (existsSync(root) || !isMoved(known, scan)))
    throw new MatvitError(
      'OPTION_INVALID',
      `the index holds the pictures of ${root}; put ${scan.root} into another one`,
    );
  const tasks: Task[] = [];
  const refused: Failure[] = [];
  for (const file of scan.files) {
    const before = known.get(file.path);
    known.delete(file.path);
    if (before?.stored) {
      refused.push({ path: file.path, code: 'PATH_TAKEN', reason: 'a picture that was added by itself has this path' });
      continue;
    }
    const edited = before?.edited === true && !given?.has(file.path);
    const metadata =
      edited || (before && !given)
        ? before.metadata
        : ((given ? given.get(file.path) : folderMetadata(file.path)) ?? {});
    const read = before?.size !== file.size || before.mtime !== file.mtime;
    // whatever the order of its keys, which PostgreSQL chooses by itself
    if (read || !isDeepStrictEqual(before.metadata, metadata))
      tasks.push({ file, metadata, edited, known: before, read });
  }
  // nothing is known of a link that leads nowhere now, nor of what is in a folder that cannot be listed
  const unseen = scan.failed.map(({ path }) => path);
  const isUnseen = (path: string) =>
    unseen.some(other => path === other || ((other === '' || other.endsWith('/')) && path.startsWith(other)));
  const isGone = ({ path, stored }: Image) => !stored && !isUnseen(path);
  const gone = [...known.values()].filter(isGone).map(image => image.id);
  // where a drive belongs there is an empty folder while it is away
  if (gone.length > 0 && scan.files.length === 0 && !mayEmpty)
    throw new MatvitError(
      'FOLDER_EMPTY',
      `${scan.root} has none of the ${gone.length} that the index knows; is it a drive that is away? --empty takes them out`,
    );
  return { tasks, unchanged: scan.files.length - tasks.length - refused.length, gone, refused };
}

/**
 * Is it the folder that the index knows, at another place? A root that does not exist may be on a drive that is away, or on
 * another machine: only its pictures can tell.
 */
function isMoved(known: ReadonlyMap<string, Image>, { files }: Scan): boolean {
  const isOfFolder = [...known.values()].some(({ stored }) => !stored);
  return !isOfFolder || files.some(({ path, size }) => known.get(path)?.size === size);
}
