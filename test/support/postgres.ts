/** A PostgreSQL with pgvector that speaks its protocol over TCP, in this process. */
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import pg from 'pg';

export interface TestDatabase {
  /** of an empty database */
  readonly address: string;
  /** Drops everything. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

export interface TestServer extends TestDatabase {
  /** what a setting is outside of transactions */
  setting(name: string): Promise<string>;
}

const emptied = 'DROP SCHEMA public CASCADE; CREATE SCHEMA public';

/** One backend serves all connections, in turns. */
export async function startPostgres(): Promise<TestServer> {
  const db = await PGlite.create({ extensions: { vector } });
  takeQueriesWhole(db);
  const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: 0, maxConnections: 50 });
  await server.start();
  return {
    address: `postgres://postgres:postgres@${server.getServerConn()}/postgres?sslmode=disable`,
    empty: async () => {
      await db.exec(emptied);
    },
    setting: async name => (await db.query<Record<string, string>>(`SHOW ${name}`)).rows[0]![name]!,
    close: async () => {
      await server.stop();
      await db.close();
    },
  };
}

/** The types of the messages that a Sync must follow: Parse, Bind, Describe, Execute, Close and Flush. */
const parts = new Set(Buffer.from('PBDECH'));

/**
 * The socket server lets connections take turns after each message but for transactions. A query is several, and the
 * statement that one client has parsed is not for another to execute: what has begun counts as a transaction too.
 */
function takeQueriesWhole(db: PGlite): void {
  let hasBegun = false;
  const execProtocolRawStream = db.execProtocolRawStream.bind(db);
  const isInTransaction = db.isInTransaction.bind(db);
  const exec = db.exec.bind(db);
  db.execProtocolRawStream = (message, options) => {
    hasBegun = parts.has(message[0]!);
    return execProtocolRawStream(message, options);
  };
  db.isInTransaction = () => hasBegun || isInTransaction();
  // ROLLBACK, when a client is lost
  db.exec = (query, options) => {
    hasBegun = false;
    return exec(query, options);
  };
}

/** Of a database that may be emptied, on a server where connections work at the same time. One test file uses it. */
export const realPostgres = process.env['MATVIT_TEST_POSTGRES'];

export async function connectTo(address: string): Promise<TestDatabase> {
  const client = new pg.Client(address);
  await client.connect();
  const empty = async () => void (await client.query(emptied));
  await empty();
  return { address, empty, close: () => client.end() };
}
