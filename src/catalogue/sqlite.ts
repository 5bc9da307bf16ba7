import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { type ErrorCode, MatvitError, reasonOf } from '../errors.js';

/** Opens a file, and creates it if need be. @throws STORAGE_FAILED when its folder is missing, and SQLite's own errors */
export function openSqlite(file: string, options: Database.Options = {}): Database.Database {
  if (!existsSync(dirname(file))) throw new MatvitError('STORAGE_FAILED', `the folder of ${file} does not exist`);
  return new Database(file, options);
}

/** Runs `action` and turns SQLite's errors into ours. @throws CATALOGUE_CORRUPT, STORAGE_FAILED, INDEX_LOCKED, INDEX_FAILED */
export function withSqlite<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof TypeError && /connection is not open/.test(error.message))
      throw new MatvitError('INDEX_FAILED', `${file} has been closed`, { cause: error });
    if (!(error instanceof Database.SqliteError || error instanceof SyntaxError)) throw error;
    throw new MatvitError(codeOf(error), `${file}: ${reasonOf(error)}`, { cause: error });
  }
}

function codeOf(error: InstanceType<typeof Database.SqliteError> | SyntaxError): ErrorCode {
  if (error instanceof SyntaxError) return 'CATALOGUE_CORRUPT'; // metadata that is not JSON
  if (/^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ|ERROR|MISMATCH|CONSTRAINT)/.test(error.code))
    return 'CATALOGUE_CORRUPT';
  if (error.code.startsWith('SQLITE_BUSY')) return 'INDEX_LOCKED';
  return 'STORAGE_FAILED'; // full, read-only, vanished, an I/O error
}
