/** The adapter that many machines share: pgvector's HNSW index in PostgreSQL. */
import type { ClientBase, Pool } from 'pg';
import { checkQuery, checkVectors } from './check.js';
import { byRank } from './top-k.js';
import type { Neighbour, VectorIndex } from './vector-index.js';

/** As hnsw-worker.ts has them, for the same recall. */
const linksPerNode = 16;
const efConstruction = 200;
const efSearch = 64;
/** pgvector's own limit; with twice as many candidates as results, more than half of it is searched exactly. */
const maxEf = 1000;
export const maxWidth = maxEf / 2;

/** Runs statements in one transaction of a connection of its own. */
export async function inTransaction<T>(pool: Pool, work: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // a connection that is lost says so as an event as well, which nobody else hears while it is taken from the pool
  const ignore = () => undefined;
  client.on('error', ignore);
  let broken = true;
  try {
    await client.query('BEGIN');
    let result: T;
    try {
      result = await work(client);
    } catch (error) {
      await client.query('ROLLBACK');
      broken = false;
      throw error;
    }
    await client.query('COMMIT');
    broken = false;
    return result;
  } finally {
    client.off('error', ignore);
    client.release(broken);
  }
}

/** Text that pgvector reads: `[0.1,0.2]`. */
const vectorText = (vector: Float32Array): string => `[${vector.join()}]`;

const everything = { sql: 'SELECT id FROM vectors', values: [] };

/**
 * Vectors in the table `vectors` of the first schema in the search path. Besides the port's errors, every method rejects
 * with PostgreSQL's own.
 */
export class PgVectorIndex implements VectorIndex {
  constructor(
    private readonly pool: Pool,
    readonly dimension: number,
  ) {}

  /** Creates extension, table and index where they are missing. */
  static async prepare(client: ClientBase, dimension: number): Promise<void> {
    await client.query(`CREATE EXTENSION IF NOT EXISTS vector`);
    await client.query(
      `CREATE TABLE IF NOT EXISTS vectors (id bigint PRIMARY KEY, embedding vector(${dimension}) NOT NULL)`,
    );
    await client.query(`CREATE INDEX IF NOT EXISTS vectors_by_embedding ON vectors USING hnsw
      (embedding vector_cosine_ops) WITH (m = ${linksPerNode}, ef_construction = ${efConstruction})`);
  }

  async size(): Promise<number> {
    const { rows } = await this.pool.query<{ count: number }>('SELECT count(*)::float8 AS count FROM vectors');
    return rows[0]!.count;
  }

  /** @param client for a transaction that holds more than this */
  async upsert(ids: readonly number[], vectors: Float32Array, client: ClientBase | Pool = this.pool): Promise<void> {
    const { dimension } = this;
    checkVectors(dimension, ids, vectors);
    const texts = ids.map((_, row) => vectorText(vectors.subarray(row * dimension, (row + 1) * dimension)));
    await client.query(
      `INSERT INTO vectors SELECT id, embedding::vector FROM unnest($1::bigint[], $2::text[]) AS new (id, embedding)
       ON CONFLICT (id) DO UPDATE SET embedding = excluded.embedding`,
      [ids, texts],
    );
  }

  /** @param client for a transaction that holds more than this */
  async remove(ids: readonly number[], client: ClientBase | Pool = this.pool): Promise<void> {
    await client.query('DELETE FROM vectors WHERE id = ANY ($1::bigint[])', [ids]);
  }

  async search(query: Float32Array, k: number): Promise<Neighbour[]> {
    checkQuery(this.dimension, query, k);
    if (k > maxWidth) return this.scan(query, k, everything);
    const found = await inTransaction(this.pool, async client => {
      // SET LOCAL, since a pool's connections must not keep what one search needs
      await client.query(`SET LOCAL hnsw.ef_search = ${Math.max(efSearch, 2 * k)}`);
      await client.query('SET LOCAL enable_seqscan = off'); // an empty table's statistics would choose it
      const { rows } = await client.query<Neighbour>(
        `SELECT id::float8 AS id, 1 - (embedding <=> $1::vector) AS score FROM vectors
         ORDER BY embedding <=> $1::vector LIMIT ${k}`,
        [vectorText(query)],
      );
      return ranked(rows);
    });
    // The graph gives its nearest entries, of which PostgreSQL leaves out the deleted: until VACUUM they can be all of them.
    return found.length < k ? this.scan(query, k, everything) : found;
  }

  /**
   * The exact search among some vectors. MATERIALIZED keeps the planner from filtering while it walks the graph, which
   * loses rows when few pass (recall 0.02 where 2% did).
   * @param among a query for ids, whose parameters begin at $3
   */
  async scan(query: Float32Array, k: number, among: { sql: string; values: readonly unknown[] }): Promise<Neighbour[]> {
    const { rows } = await this.pool.query<Neighbour>(
      `WITH among AS MATERIALIZED (SELECT id, embedding FROM vectors WHERE id IN (${among.sql}))
       SELECT id::float8 AS id, 1 - (embedding <=> $1::vector) AS score FROM among
       ORDER BY embedding <=> $1::vector, id LIMIT $2`,
      [vectorText(query), k, ...among.values],
    );
    return ranked(rows);
  }

  /** Of these ids the vectors that there are, by ascending id: [ids.length, dimension]. */
  async vectorsOf(ids: readonly number[]): Promise<{ ids: number[]; vectors: Float32Array }> {
    const { rows } = await this.pool.query<{ id: number; embedding: string }>(
      'SELECT id::float8 AS id, embedding::text FROM vectors WHERE id = ANY ($1::bigint[]) ORDER BY id',
      [ids],
    );
    const vectors = new Float32Array(rows.length * this.dimension);
    rows.forEach(({ embedding }, row) => vectors.set(JSON.parse(embedding) as number[], row * this.dimension));
    return { ids: rows.map(({ id }) => id), vectors };
  }

  /** The pool belongs to whoever made it. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const ranked = (rows: readonly Neighbour[]): Neighbour[] =>
  rows.map(({ id, score }) => ({ id, score: Math.min(1, Math.max(-1, score)) })).sort(byRank);
