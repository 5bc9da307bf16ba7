/** The catalogue's tables in PostgreSQL, in the first schema of the connection's search path. */
import pg from 'pg';
import { type ErrorCode, MatvitError, reasonOf } from '../errors.js';

/** Beside the table `vectors` of index/pgvector.ts. Safe to run again, and by several processes one after the other. */
export const schema = `
  CREATE TABLE IF NOT EXISTS catalogue (
    one integer PRIMARY KEY CHECK (one = 1),
    format integer NOT NULL,
    fingerprint text NOT NULL,     -- of the model that made every vector
    dimension integer NOT NULL,
    root text                      -- absolute folder that the images' paths are relative to
  );
  -- one row for each distinct content: exact duplicates share its vector
  CREATE TABLE IF NOT EXISTS contents (
    vector_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 text NOT NULL UNIQUE
  );
  CREATE TABLE IF NOT EXISTS images (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    path text COLLATE "C" NOT NULL UNIQUE,
    vector_id bigint NOT NULL REFERENCES contents (vector_id),
    size bigint NOT NULL,
    mtime double precision NOT NULL,
    metadata jsonb NOT NULL CHECK (jsonb_typeof(metadata) = 'object'),
    edited boolean NOT NULL         -- since it was indexed?
  );
  CREATE INDEX IF NOT EXISTS images_by_vector ON images (vector_id);
  CREATE INDEX IF NOT EXISTS images_by_metadata ON images USING gin (metadata jsonb_path_ops);
`;
export const format = 1;

/** `postgres://…` and `postgresql://…` */
export const isPostgres = (index: string): boolean => /^postgres(ql)?:\/\//.test(index);

/** The address without its password, for errors. */
export function printableAddress(address: string): string {
  try {
    const url = new URL(address);
    return `${url.protocol}//${url.host}${url.pathname}`;
  } catch {
    return 'the database';
  }
}

/** of one process to the database */
const connections = 8;

/** @throws OPTION_INVALID */
export function openPool(address: string): pg.Pool {
  try {
    new URL(address);
  } catch (error) {
    throw new MatvitError('OPTION_INVALID', 'the address of the database is not a URL', { cause: error });
  }
  const pool = new pg.Pool({
    ...{ connectionString: address, max: connections, connectionTimeoutMillis: 10_000 },
    ...{ keepAlive: true, keepAliveInitialDelayMillis: 10_000 }, // so that a machine that is lost is noticed
  });
  pool.on('error', () => undefined); // of an idle connection, which the pool replaces
  return pool;
}

/**
 * Runs `action` and turns PostgreSQL's errors into ours.
 * @param odd what is wrong where PostgreSQL does not take a value
 * @throws DATABASE_UNAVAILABLE, INDEX_MISSING, …
 */
export async function withPostgres<T>(
  address: string,
  action: () => Promise<T>,
  odd: ErrorCode = 'INDEX_FAILED',
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof MatvitError) throw error;
    throw new MatvitError(codeOf(error) ?? odd, `${printableAddress(address)}: ${reasonOf(error)}`, { cause: error });
  }
}

/** undefined: it does not take a value */
function codeOf(error: unknown): ErrorCode | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === '42P01' || code === '3F000') return 'INDEX_MISSING'; // no such table, no such schema
  if (code === '55P03') return 'INDEX_LOCKED'; // another process has been committing for a minute
  if (code.startsWith('22')) return undefined;
  if (code.startsWith('53') || code === '25006' || code === '42501') return 'STORAGE_FAILED'; // full, read-only, denied
  if (/^(23|42|54|XX)/.test(code)) return 'INDEX_FAILED'; // 54: larger than it takes, such as a path of 3,000 bytes
  return 'DATABASE_UNAVAILABLE';
}
