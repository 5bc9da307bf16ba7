/** A PostgreSQL with pgvector that speaks its protocol over TCP, in this process. */
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

export interface TestServer {
  /** of an empty database */
  readonly address: string;
  /** Drops everything. */
  empty(): Promise<void>;
  /** what a setting is outside of transactions */
  setting(name: string): Promise<string>;
  close(): Promise<void>;
}

export async function startPostgres(): Promise<TestServer> {
  const db = await PGlite.create({ extensions: { vector } });
  const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: 0, maxConnections: 50 });
  await server.start();
  return {
    address: `postgres://postgres:postgres@${server.getServerConn()}/postgres?sslmode=disable`,
    empty: async () => {
      await db.exec('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    },
    setting: async name => (await db.query<Record<string, string>>(`SHOW ${name}`)).rows[0]![name]!,
    close: async () => {
      await server.stop();
      await db.close();
    },
  };
}
