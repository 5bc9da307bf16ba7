/** The catalogue's tables. Checksums: checksum.ts. */
import Database from 'better-sqlite3';

/** In the file's header, so that somebody else's SQLite file is told apart: 'matv' */
export const applicationId = 0x6d617476;

const tables = `
  CREATE TABLE catalogue (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,             -- random; a graph names the catalogue that it was derived from
    fingerprint TEXT NOT NULL,    -- of the model that made every vector in here
    dimension INTEGER NOT NULL,
    root TEXT,                    -- absolute folder that the images' paths are relative to
    revision INTEGER NOT NULL,    -- increased by every transaction that changes something
    horizon INTEGER NOT NULL,     -- what was removed up to this revision is not listed any more
    crc INTEGER NOT NULL
  ) STRICT;

  -- one row for each distinct content: exact duplicates share it. Never updated.
  CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, so no tombstone can hit a later vector
    sha256 TEXT NOT NULL UNIQUE,
    embedding BLOB NOT NULL,               -- [dimension] float32, little-endian
    revision INTEGER NOT NULL,             -- that added it
    crc INTEGER NOT NULL
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
    metadata TEXT NOT NULL CHECK (json_type(metadata) = 'object'),
    stored INTEGER NOT NULL,               -- 1: its bytes are in files; 0: it is a file below the root
    edited INTEGER NOT NULL,               -- 1: its metadata has been edited since it was indexed
    crc INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX images_by_vector ON images (vector_id);

  -- the bytes of pictures that were added one by one; the SHA-256 is their checksum
  CREATE TABLE files (
    vector_id INTEGER PRIMARY KEY REFERENCES vectors (id),
    bytes BLOB NOT NULL
  ) STRICT;
`;

/** Version 1 is of before the first release: such an index is made again. */
export const version = 2;

/** Makes the tables in an empty file, inside the caller's transaction. */
export function createTables(database: Database.Database): void {
  database.exec(tables);
  database.pragma(`application_id = ${applicationId}`);
  database.pragma(`user_version = ${version}`);
}

/** What `sqlite_schema` says in a file of this version. */
export const schema: readonly string[] = (() => {
  const database = new Database(':memory:');
  createTables(database);
  const schema = schemaOf(database);
  database.close();
  return schema;
})();

export function schemaOf(database: Database.Database): string[] {
  const read = "SELECT name || ' ' || tbl_name || ' ' || ifnull(sql, '') FROM sqlite_schema ORDER BY name";
  return database.prepare<[], string>(read).pluck().all();
}
