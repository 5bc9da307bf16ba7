import type { Pool } from 'pg';
import { openPool } from '../../src/catalogue/postgres.js';
import { PgVectorIndex, inTransaction } from '../../src/index/pgvector.js';
import { type TestServer, startPostgres } from '../support/postgres.js';
import { vectorIndexContract } from './contract.js';

describe('PgVectorIndex', () => {
  let server: TestServer;
  let pool: Pool;
  before(async () => {
    server = await startPostgres();
    pool = openPool(server.address);
  });
  after(async () => {
    await pool.end();
    await server.close();
  });

  vectorIndexContract('pgvector', async dimension => {
    await inTransaction(pool, async client => {
      await client.query('DROP TABLE IF EXISTS vectors');
      await PgVectorIndex.prepare(client, dimension);
    });
    return new PgVectorIndex(pool, dimension);
  });
});
