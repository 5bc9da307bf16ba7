/** The catalogue's tables. A migration is never changed once released: add the next one. */
import type { Database } from 'better-sqlite3';

/** In the file's header, so that somebody else's SQLite file is told apart: 'matv' */
export const applicationId = 0x6d617476;

const migrations: readonly string[] = [
  `
  CREATE TABLE catalogue (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,             -- random; a graph names the catalogue that it was derived from
    fingerprint TEXT NOT NULL,    -- of the model that made every vector in here
    dimension INTEGER NOT NULL,
    root TEXT,                    -- absolute folder that the images' paths are relative to
    revision INTEGER NOT NULL     -- increased by every transaction that changes something
  ) STRICT;

  -- one row for each distinct content: exact duplicates share it. Never updated.
  CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, so no tombstone can hit a later vector
    sha256 TEXT NOT NULL UNIQUE,
    embedding BLOB NOT NULL,               -- [dimension] float32, little-endian
    revision INTEGER NOT NULL              -- that added it
  ) STRICT;
  CREATE INDEX vectors_by_revision ON vectors (revision);

  CREATE TABLE removed_vectors (
    id INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL              -- that removed it
  ) STRICT;
  CREATE INDEX removed_vectors_by_revision ON removed_vectors (revision);

  CREATE TABLE images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,             -- relative to the root, with slashes
    vector_id INTEGER NOT NULL REFERENCES vectors (id),
    size INTEGER NOT NULL,                 -- bytes
    mtime REAL NOT NULL,                   -- milliseconds since 1970
    metadata TEXT NOT NULL CHECK (json_type(metadata) = 'object')
  ) STRICT;
  CREATE INDEX images_by_vector ON images (vector_id);
  `,
];

export const newestVersion = migrations.length;

/** Brings a file from its version to the newest, inside the caller's transaction. */
export function migrate(database: Database): void {
  for (let version = database.pragma('user_version', { simple: true }) as number; version < newestVersion; version++)
    database.exec(migrations[version]!);
  database.pragma(`application_id = ${applicationId}`);
  database.pragma(`user_version = ${newestVersion}`);
}
