/** Opening a catalogue's file: created where it may be, and refused where it is not one of ours. */
import { accessSync, chmodSync, constants, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { MatvitError, reasonOf, storageFailed } from '../errors.js';
import { type Identity, type Model, createIdentity, identify } from './identity.js';
import { applicationId, createTables, schema, schemaOf, version } from './schema.js';
import { checkImages } from './rows.js';
import { openSqlite } from './sqlite.js';

/** @throws INDEX_MISSING, FILE_UNREADABLE, CATALOGUE_CORRUPT, MODEL_MISMATCH, and SQLite's own errors */
export function openForReading(file: string, model: Model | undefined): { database: Database; at: Identity } {
  checkReadable(file);
  const check = (database: Database) => {
    if (isEmpty(database)) throw new MatvitError('INDEX_MISSING', `${file} is empty`);
    checkFormat(database, file);
    return identify(database, file, model);
  };
  try {
    return checked(openSqlite(file, { readonly: true }), check);
  } catch (error) {
    if (!/^SQLITE_(CANTOPEN|READONLY)/.test((error as { code?: string }).code ?? '')) throw error;
    return checked(openCopy(file), check);
  }
}

/** @throws INDEX_MISSING only if there is none, FILE_UNREADABLE if that cannot be known or it cannot be read */
function checkReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new MatvitError('INDEX_MISSING', `${file} does not exist; matvit index FOLDER --index DIR makes an index`);
    const reason =
      code === 'ENOTDIR' ? `${dirname(file)} is a file; give the folder of the index` : `${file}: ${reasonOf(error)}`;
    throw new MatvitError('FILE_UNREADABLE', reason, { cause: error });
  }
}

/**
 * In a folder that cannot be written to SQLite cannot make the file that its readers share, and so refuses to open the
 * catalogue. Nobody can write to it there, so a copy is as good; it goes with the process that has it open.
 */
function openCopy(file: string): Database {
  const folder = inTemporary(() => mkdtempSync(join(tmpdir(), 'matvit-catalogue-')));
  const copy = join(folder, basename(file));
  try {
    inTemporary(() => {
      for (const suffix of ['', '-wal'].filter(suffix => existsSync(file + suffix))) {
        copyFileSync(file + suffix, copy + suffix);
        chmodSync(copy + suffix, 0o600);
      }
    });
    const whole = openSqlite(copy);
    whole.pragma('journal_mode = DELETE'); // takes the log in
    whole.close();
    return openSqlite(copy, { readonly: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @throws STORAGE_FAILED */
function inTemporary<T>(write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw storageFailed(`a copy of the catalogue in ${tmpdir()}`, error);
  }
}

/**
 * Durable: with the write-ahead log at synchronous = FULL a committed transaction survives a power cut, for one fsync a
 * transaction. (At NORMAL it could be lost, and a graph saved after it would be ahead of its catalogue.)
 * @throws CATALOGUE_CORRUPT, MODEL_MISMATCH, and SQLite's own errors
 */
export function openForWriting(file: string, model: Model): { database: Database; at: Identity } {
  return checked(openSqlite(file), database => {
    if (!isEmpty(database)) checkFormat(database, file);
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database
      .transaction(() => {
        if (!isEmpty(database)) return; // another process may have been first
        createTables(database);
        createIdentity(database, model);
      })
      .immediate();
    return identify(database, file, model);
  });
}

/** Closes the database when it is refused. */
function checked(database: Database, check: (database: Database) => Identity) {
  try {
    return { database, at: check(database) };
  } catch (error) {
    database.close();
    throw error;
  }
}

function isEmpty(database: Database): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
}

/** All but the pictures' bytes, which may be many and are checked when read. 0.5 s for 100,000 pictures. */
const checkedTables = ['catalogue', 'vectors', 'removed_vectors', 'images'];

function checkFormat(database: Database, file: string): void {
  const refuse = (reason: string): never => {
    throw new MatvitError('CATALOGUE_CORRUPT', `${file} ${reason}`);
  };
  if (database.pragma('application_id', { simple: true }) !== applicationId) refuse('is not a catalogue of matvit');
  const its = database.pragma('user_version', { simple: true }) as number;
  if (its > version) refuse(`has version ${its}; this matvit reads ${version}`);
  if (its < version) refuse('is of a matvit before its first release; delete the folder and index again');
  if (schemaOf(database).join() !== schema.join()) refuse('has other tables than it should');
  for (const table of checkedTables) {
    const [damage] = database.pragma(`integrity_check(${table})`) as { integrity_check: string }[];
    if (damage?.integrity_check !== 'ok') refuse(damage?.integrity_check ?? 'cannot be checked');
  }
  checkImages(database, file); // filters look at rows that no result shows
}
