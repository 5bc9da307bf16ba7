import { isPostgres } from '../src/catalogue/postgres.js';
import type { Model } from '../src/catalogue/identity.js';
import { ImageIndex } from '../src/corpus/image-index.js';
import type { SearchableIndex, WritableIndex } from '../src/corpus/ports.js';
import { PostgresIndex } from '../src/corpus/postgres-index.js';
import { MatvitError } from '../src/errors.js';

/** @param index a folder, or `postgres://…` @throws INDEX_MISSING, MODEL_MISMATCH, DATABASE_UNAVAILABLE */
export const openForReading = (index: string, model: Model): Promise<SearchableIndex> =>
  isPostgres(index) ? PostgresIndex.openForReading(index, model) : ImageIndex.openForReading(index, model);

/** For what needs an index on disk. @throws OPTION_INVALID for `postgres://…`, INDEX_MISSING, MODEL_MISMATCH */
export async function openFolder(index: string, model: Model): Promise<ImageIndex> {
  refusePostgres(index, 'here; matvit index, search and serve can');
  return ImageIndex.openForReading(index, model);
}

/** For servers. @param writable creates what is missing @throws OPTION_INVALID, INDEX_MISSING, MODEL_MISMATCH, … */
export async function openServed(index: string, model: Model, writable: boolean): Promise<SearchableIndex> {
  if (!writable) return openForReading(index, model);
  refusePostgres(index, 'for --writable; matvit index can change it');
  return ImageIndex.openShared(index, model);
}

export function refusePostgres(index: string, where: string): void {
  if (isPostgres(index)) throw new MatvitError('OPTION_INVALID', `an index in PostgreSQL cannot be used ${where}`);
}

/** Creates what is missing. @throws INDEX_LOCKED, MODEL_MISMATCH, DATABASE_UNAVAILABLE */
export const openForWriting = (index: string, model: Model): Promise<WritableIndex> =>
  isPostgres(index) ? PostgresIndex.openForWriting(index, model) : ImageIndex.openForWriting(index, model);
