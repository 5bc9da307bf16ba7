import assert from 'node:assert/strict';
import type { Pool } from 'pg';
import { openPool } from '../../src/catalogue/postgres.js';
import { PgVectorIndex, inTransaction } from '../../src/index/pgvector.js';
import { random } from '../../src/training/random.js';
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

  const create = async (dimension: number) => {
    await inTransaction(pool, async client => {
      await client.query('DROP TABLE IF EXISTS vectors');
      await PgVectorIndex.prepare(client, dimension);
    });
    return new PgVectorIndex(pool, dimension);
  };
  vectorIndexContract('pgvector', create);

  it('finds as many as it is asked for though hundreds that were nearer have been deleted', async () => {
    const index = await create(4);
    const draw = random(1);
    const near = (x: number) => Array.from({ length: 4 }, (_, i) => Number(i === x) + 0.05 * draw.normal());
    const unit = (v: number[]) => v.map(value => value / Math.hypot(...v));
    const rows = Array.from({ length: 400 }, (_, i) => unit(near(i < 300 ? 0 : 1)));
    await index.upsert(
      rows.map((_, i) => i + 1),
      Float32Array.from(rows.flat()),
    );
    await index.remove(Array.from({ length: 300 }, (_, i) => i + 1));
    const found = await index.search(Float32Array.of(1, 0, 0, 0), 10);
    assert.equal(found.length, 10);
    assert.ok(found.every(({ id }) => id > 300));
  });
});
