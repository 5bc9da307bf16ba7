import { isPostgres } from '../src/catalogue/postgres.js';
import type { Model } from '../src/catalogue/identity.js';
import { ImageIndex } from '../src/corpus/image-index.js';
import type { SearchableIndex, WritableIndex } from '../src/corpus/ports.js';
import { PostgresIndex } from '../src/corpus/postgres-index.js';
import { MatvitError } from '../src/errors.js';

/** @param index a folder, or `postgres://…` @throws INDEX_MISSING, MODEL_MISMATCH, DATABASE_UNAVAILABLE */
export const openForReading = (index: string, model: Model): Promise<SearchableIndex> =>
  isPostgres(index) ? PostgresIndex.openForReading(index, model) : ImageIndex.openForReading(index, model);

/** For what PostgreSQL cannot do yet. @param writable for servers; creates what is missing @throws OPTION_INVALID for `postgres://…`, INDEX_MISSING, MODEL_MISMATCH */
export async function openFolder(index: string, model: Model, writable = false): Promise<ImageIndex> {
  if (isPostgres(index))
    throw new MatvitError('OPTION_INVALID', 'an index in PostgreSQL cannot be used here yet; matvit search can');
  return writable ? ImageIndex.openShared(index, model) : ImageIndex.openForReading(index, model);
}

/** Creates what is missing. @throws INDEX_LOCKED, MODEL_MISMATCH, DATABASE_UNAVAILABLE */
export const openForWriting = (index: string, model: Model): Promise<WritableIndex> =>
  isPostgres(index) ? PostgresIndex.openForWriting(index, model) : ImageIndex.openForWriting(index, model);
