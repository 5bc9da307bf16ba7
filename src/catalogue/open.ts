/** Opening a catalogue's file: created where it may be, and refused where it is not one of ours. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { MatvitError } from '../errors.js';
import { applicationId, migrate, newestVersion } from './schema.js';
import { openSqlite } from './sqlite.js';

/** The model whose vectors a catalogue holds. */
export interface Model {
  readonly fingerprint: string;
  /** numbers in a vector */
  readonly dimension: number;
}

/** What does not change in the life of a catalogue. */
export interface Identity extends Model {
  readonly id: string;
}

/** @throws INDEX_MISSING, CATALOGUE_CORRUPT, MODEL_MISMATCH, and SQLite's own errors */
export function openForReading(file: string, model: Model | undefined): { database: Database; at: Identity } {
  if (!existsSync(file)) throw new MatvitError('INDEX_MISSING', `${file} does not exist`);
  return checked(openSqlite(file, { readonly: true }), database => {
    if (isEmpty(database)) throw new MatvitError('INDEX_MISSING', `${file} is empty`);
    checkFormat(database, file);
    return identify(database, file, model);
  });
}

/**
 * Durable: with the write-ahead log at synchronous = FULL a committed transaction survives a power cut, for one fsync a
 * transaction. (At NORMAL it could be lost, and a graph saved after it would be ahead of its catalogue.)
 * @throws CATALOGUE_CORRUPT, MODEL_MISMATCH, and SQLite's own errors
 */
export function openForWriting(file: string, model: Model): { database: Database; at: Identity } {
  return checked(openSqlite(file), database => {
    const isNew = isEmpty(database);
    if (!isNew) checkFormat(database, file);
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database
      .transaction(() => {
        migrate(database);
        if (isNew)
          database
            .prepare('INSERT INTO catalogue (one, id, fingerprint, dimension, revision) VALUES (1, ?, ?, ?, 0)')
            .run(randomUUID(), model.fingerprint, model.dimension);
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

function checkFormat(database: Database, file: string): void {
  const refuse = (reason: string): never => {
    throw new MatvitError('CATALOGUE_CORRUPT', `${file} ${reason}`);
  };
  if (database.pragma('application_id', { simple: true }) !== applicationId) refuse('is not a catalogue of matvit');
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version > newestVersion) refuse(`has version ${version}; this matvit reads up to ${newestVersion}`);
  const [damage] = database.pragma('quick_check(1)') as { quick_check: string }[];
  if (damage?.quick_check !== 'ok') refuse(damage?.quick_check ?? 'cannot be checked');
}

function identify(database: Database, file: string, model: Model | undefined): Identity {
  const at = database.prepare('SELECT id, fingerprint, dimension FROM catalogue').get() as Identity | undefined;
  if (!at) throw new MatvitError('CATALOGUE_CORRUPT', `${file} does not say what it is`);
  if (model && (at.fingerprint !== model.fingerprint || at.dimension !== model.dimension))
    throw new MatvitError(
      'MODEL_MISMATCH',
      `${file} holds vectors of the model ${at.fingerprint.slice(0, 16)}, the model in use is ` +
        `${model.fingerprint.slice(0, 16)}; use the first, or index the pictures into another folder`,
    );
  return at;
}
