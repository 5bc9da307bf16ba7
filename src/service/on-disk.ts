import { ImageIndex } from '../corpus/image-index.js';
import type { SearchableIndex } from '../corpus/ports.js';
import { MatvitError } from '../errors.js';

/** The index, for what only one on disk can do. @throws INDEX_READ_ONLY for one in PostgreSQL */
export function onDisk(index: SearchableIndex): ImageIndex {
  if (index instanceof ImageIndex) return index;
  throw new MatvitError('INDEX_READ_ONLY', `${index.folder} is changed by matvit index, and backed up by pg_dump`);
}
