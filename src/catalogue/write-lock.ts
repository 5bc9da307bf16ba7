import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { MatvitError } from '../errors.js';
import { openSqlite, withSqlite } from './sqlite.js';

/** The right to write to an index. The operating system takes it back when the process ends, however it ends. */
export interface WriteLock {
  release(): void;
}

/** A database that nothing refers to is closed by the garbage collector, which would give the lock away. */
const held = new Set<Database.Database>();

/**
 * Takes the one right to write to `folder`: SQLite's exclusive lock on an empty database, `writer.lock`, so a file
 * left by a crash means nothing. Other names are other rights.
 * @throws INDEX_LOCKED at once when another writer holds it, STORAGE_FAILED
 */
export function acquireWriteLock(folder: string, name = 'writer'): WriteLock {
  const file = join(folder, `${name}.lock`);
  return withSqlite(file, () => {
    const database = openSqlite(file, { timeout: 0 });
    try {
      database.pragma('journal_mode = MEMORY'); // nothing is ever written, so leave no journal beside it
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY'))
        throw new MatvitError('INDEX_LOCKED', `${folder}; wait for it or end it`, { cause: error });
      throw error;
    }
    held.add(database);
    return {
      release: () => {
        held.delete(database);
        database.close();
      },
    };
  });
}

/**
 * Servers hold the lock for a commit at a time, so it is worth waiting for.
 * @param signal ends the wait early
 * @throws INDEX_LOCKED, STORAGE_FAILED
 */
export async function waitForWriteLock(
  folder: string,
  name?: string,
  milliseconds = 2000,
  signal?: AbortSignal,
): Promise<WriteLock> {
  const end = performance.now() + milliseconds;
  for (;;)
    try {
      return acquireWriteLock(folder, name);
    } catch (error) {
      const isLocked = error instanceof MatvitError && error.code === 'INDEX_LOCKED';
      if (!isLocked || signal?.aborted || performance.now() > end) throw error;
      await sleep(5 + 20 * Math.random());
    }
}
