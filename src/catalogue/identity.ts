/** The one row of the table `catalogue`: what the catalogue is, and where it stands. */
import { randomUUID } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { MatvitError } from '../errors.js';
import { checkRow, rowChecksum } from './checksum.js';

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

interface Row extends Identity {
  readonly root: string | null;
  readonly revision: number;
  readonly horizon: number;
  readonly crc: number;
}

const cellsOf = (row: Row) => [row.id, row.fingerprint, row.dimension, row.root, row.revision, row.horizon];

const read = (database: Database) => database.prepare<[], Row>('SELECT * FROM catalogue').get();

/** Makes the row where there is none. */
export function createIdentity(database: Database, { fingerprint, dimension }: Model): void {
  database
    .prepare('INSERT OR IGNORE INTO catalogue VALUES (1, ?, ?, ?, NULL, 0, 0, 0)')
    .run(randomUUID(), fingerprint, dimension);
  seal(database);
}

/** A copy that goes its own way must not take the other's graphs for its own. */
export function renewIdentity(database: Database): string {
  const id = randomUUID();
  database.transaction(() => {
    database.prepare('UPDATE catalogue SET id = ?').run(id);
    seal(database);
  })();
  return id;
}

/** Renews the row's checksum, in the transaction that changed the row. */
export function seal(database: Database): void {
  database.prepare('UPDATE catalogue SET crc = ?').run(rowChecksum(cellsOf(read(database)!)));
}

/** @param model refuse others' vectors @throws CATALOGUE_CORRUPT, MODEL_MISMATCH */
export function identify(database: Database, file: string, model: Model | undefined): Identity {
  const row = read(database);
  if (!row) throw new MatvitError('CATALOGUE_CORRUPT', `${file} does not say what it is`);
  checkRow(`${file}: its first row`, row.crc, cellsOf(row));
  if (model && (row.fingerprint !== model.fingerprint || row.dimension !== model.dimension))
    throw new MatvitError(
      'MODEL_MISMATCH',
      `${file} holds vectors of the model ${row.fingerprint.slice(0, 16)}, the model in use is ` +
        `${model.fingerprint.slice(0, 16)}; use the first, or index the pictures into another folder`,
    );
  return row;
}
