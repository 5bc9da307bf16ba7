/**
 * An index in PostgreSQL, which any number of processes on any number of machines share: catalogue and vectors in one
 * database, so that a commit is one transaction and every search sees it. Nothing is held here but connections.
 */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ClientBase, Pool } from 'pg';
import type { Changes, NewImage } from '../catalogue/changes.js';
import type { Facet } from '../catalogue/facets.js';
import type { Filter, Scalar } from '../catalogue/filter.js';
import type { Image, Metadata } from '../catalogue/image.js';
import type { Model } from '../catalogue/identity.js';
import { fieldPath } from '../catalogue/parse-filter.js';
import { Parameters, jsonAt, postgresCondition } from '../catalogue/postgres-filter.js';
import { spread } from '../catalogue/spread.js';
import { format, openPool, printableAddress, schema, withPostgres } from '../catalogue/postgres.js';
import type { VectorRows } from '../catalogue/vector-rows.js';
import { MatvitError } from '../errors.js';
import type { PictureSource } from '../image/open.js';
import { checkQuery } from '../index/check.js';
import { PgVectorIndex, inTransaction, maxWidth } from '../index/pgvector.js';
import type { Neighbour } from '../index/vector-index.js';
import { collapsing } from './duplicates.js';
import { Familiarity } from './familiarity.js';
import { type ListOptions, type ListPage, listImages } from './listing.js';
import { type Hit, hitsOf, scoresOf, selective } from './nearest.js';
import { type SearchOptions, type SearchResult, facetValues, page } from './paging.js';
import type { IndexStats, KnownPictures, SearchableIndex, WritableIndex } from './ports.js';

/** Anything, but the same in every process: one of them commits at a time. */
const commitLock = 0x6d617476;

const columns = `images.id::float8 AS id, path, sha256, size::float8 AS size, mtime, metadata,
  images.vector_id::float8 AS "vectorId", edited, false AS stored`;

/** Every method @throws DATABASE_UNAVAILABLE, INDEX_MISSING, INDEX_FAILED, STORAGE_FAILED */
export class PostgresIndex implements SearchableIndex, WritableIndex {
  private readonly vectors: PgVectorIndex;
  private readonly surroundings: Familiarity;

  private known: KnownPictures | undefined;
  /** SHA-256 of contents that have a vector: as it was opened, and what was committed here since */
  private contents = new Set<string>();

  private constructor(
    private readonly address: string,
    private readonly pool: Pool,
    readonly model: Model,
  ) {
    this.vectors = new PgVectorIndex(pool, model.dimension);
    this.surroundings = new Familiarity({
      size: () => this.run(() => this.vectors.size()),
      sample: count => this.run(() => this.sample(count)),
      search: (query, k) => this.run(() => this.vectors.search(query, k)),
    });
  }

  /** Host and database. */
  get folder(): string {
    return printableAddress(this.address);
  }

  /** Servers keep nothing. */
  readonly cacheFolder = undefined;

  get dimension(): number {
    return this.model.dimension;
  }

  /** Of an index that is open for writing, as it was when it was opened; contents that were committed here since count. */
  get catalogue(): KnownPictures {
    if (!this.known) throw new MatvitError('INDEX_FAILED', `${this.folder} was opened for reading only`);
    return this.known;
  }

  /** @throws INDEX_MISSING, MODEL_MISMATCH */
  static openForReading(address: string, model: Model): Promise<PostgresIndex> {
    return PostgresIndex.open(address, model, async pool => checkModel(pool, model));
  }

  /** Creates what is missing. @throws MODEL_MISMATCH */
  static async openForWriting(address: string, model: Model): Promise<PostgresIndex> {
    const index = await PostgresIndex.open(address, model, pool =>
      inTransaction(pool, async client => {
        await waitForTurn(client);
        await client.query(schema);
        await PgVectorIndex.prepare(client, model.dimension);
        await client.query('INSERT INTO catalogue VALUES (1, $1, $2, $3) ON CONFLICT DO NOTHING', [
          ...[format, model.fingerprint, model.dimension],
        ]);
        await checkModel(client, model);
      }),
    );
    try {
      const [root, images] = [await index.root(), await index.images()];
      index.contents = await index.readContents();
      const { fingerprint } = model;
      index.known = { fingerprint, root, images: () => images, hasVector: sha256 => index.contents.has(sha256) };
      return index;
    } catch (error) {
      await index.close();
      throw error;
    }
  }

  private static async open(address: string, model: Model, prepare: (pool: Pool) => Promise<void>) {
    const pool = openPool(address);
    try {
      await withPostgres(address, () => prepare(pool));
    } catch (error) {
      await pool.end();
      throw error;
    }
    return new PostgresIndex(address, pool, model);
  }

  /** As ImageIndex.search. @throws OPTION_INVALID, VECTOR_INVALID, FILTER_INVALID, CURSOR_INVALID */
  async search(query: Float32Array, options: SearchOptions): Promise<SearchResult> {
    const { filter, minScore, facets, collapse } = options;
    const find = (count: number) => this.run(() => this.nearest(query, count, minScore, filter));
    const vectorsOf = (ids: readonly number[]) => this.run(() => this.vectors.vectorsOf(ids));
    const found = await page(options, collapse === undefined ? find : collapsing(find, vectorsOf, collapse));
    if (!facets) return found;
    const counts: [string, Facet[]][] = [];
    for (const name of facets) counts.push([name, await this.facet(fieldPath(name), facetValues, filter)]);
    return { ...found, facets: Object.fromEntries(counts) };
  }

  familiarity(best: number): Promise<number | undefined> {
    return this.surroundings.of(best);
  }

  /** Images that pass a filter; counts no further than `limit`. */
  count(filter?: Filter, limit = Number.MAX_SAFE_INTEGER): Promise<number> {
    const parameters = new Parameters();
    const condition = filter ? postgresCondition(filter, parameters) : 'true';
    const sql = `SELECT count(*)::float8 AS count FROM
      (SELECT 1 FROM images WHERE ${condition} LIMIT ${parameters.add(limit, 'bigint')}) AS matching`;
    return this.run(async () => (await this.pool.query<{ count: number }>(sql, parameters.values)).rows[0]!.count);
  }

  /** As Catalogue.facet. */
  facet(path: readonly string[], limit: number, filter?: Filter): Promise<Facet[]> {
    const parameters = new Parameters();
    const at = jsonAt(path, parameters);
    const elements = `CASE jsonb_typeof(${at}) WHEN 'array' THEN ${at} ELSE jsonb_build_array(${at}) END`;
    const condition = filter ? postgresCondition(filter, parameters) : 'true';
    const sql = `SELECT value, count(DISTINCT images.id)::float8 AS count
      FROM images, jsonb_array_elements(${elements}) AS element (value)
      WHERE ${at} IS NOT NULL AND jsonb_typeof(value) NOT IN ('array', 'object') AND ${condition}
      GROUP BY value ORDER BY 2 DESC,
        CASE jsonb_typeof(value) WHEN 'boolean' THEN value #>> '{}' WHEN 'string' THEN 'text' ELSE jsonb_typeof(value) END COLLATE "C",
        CASE jsonb_typeof(value) WHEN 'number' THEN (value #>> '{}')::numeric END, value #>> '{}' COLLATE "C"
      LIMIT ${parameters.add(limit, 'int')}`;
    return this.run(async () => (await this.pool.query<{ value: Scalar; count: number }>(sql, parameters.values)).rows);
  }

  async image(id: number): Promise<Image | undefined> {
    return (await this.select('WHERE images.id = $1', [id]))[0];
  }

  list(options: ListOptions): Promise<ListPage> {
    const imagesAfter = (id: number, limit: number, filter?: Filter) => {
      const parameters = new Parameters([id, limit]);
      const condition = filter ? postgresCondition(filter, parameters) : 'true';
      return this.select(`WHERE images.id > $1 AND ${condition} ORDER BY images.id LIMIT $2`, parameters.values);
    };
    return listImages({ imagesAfter, count: filter => this.count(filter) }, options);
  }

  async embedding({ id, vectorId }: Image): Promise<Float32Array> {
    const { ids, vectors } = await this.run(() => this.vectors.vectorsOf([vectorId]));
    if (ids.length === 0) throw new MatvitError('NOT_FOUND', `there is no picture ${id} any more`);
    return vectors;
  }

  /** Its file, which every server finds where the indexer found it. */
  async picture({ path }: Image): Promise<PictureSource> {
    return join((await this.root()) ?? '', path);
  }

  /** Every image, by ascending path (by code point). */
  images(): Promise<Image[]> {
    return this.select('ORDER BY path', []);
  }

  /** The absolute folder that paths are relative to; undefined before the first indexing. */
  root(): Promise<string | undefined> {
    return this.run(async () => {
      const { rows } = await this.pool.query<{ root: string | null }>('SELECT root FROM catalogue');
      return rows[0]?.root ?? undefined;
    });
  }

  /**
   * All or none; durable when it returns, as far as the server's synchronous_commit goes.
   * @throws VECTOR_INVALID, METADATA_INVALID (what jsonb cannot hold: NUL, half characters), OPTION_INVALID (bytes)
   */
  async commit(changes: Changes): Promise<void> {
    const { root, put = [], edit = [], remove = [], prune } = changes;
    if (put.some(({ bytes }) => bytes))
      throw new MatvitError('OPTION_INVALID', `${this.folder} keeps no pictures, only where their files are`);
    const commit = () =>
      inTransaction(this.pool, async client => {
        await waitForTurn(client);
        if (root !== undefined) await this.setRoot(client, root);
        if (put.length > 0) await this.put(client, put);
        for (const { id, metadata } of edit)
          await client.query('UPDATE images SET metadata = $2, edited = true WHERE id = $1', [
            ...[id, JSON.stringify(metadata)],
          ]);
        if (remove.length > 0) await client.query('DELETE FROM images WHERE id = ANY ($1::bigint[])', [remove]);
        if (prune) await this.prune(client);
      });
    await withPostgres(this.address, commit, 'METADATA_INVALID');
    for (const { sha256 } of put) this.contents.add(sha256);
  }

  /** Another process may have begun with another folder since this one looked. @throws OPTION_INVALID */
  private async setRoot(client: ClientBase, root: string): Promise<void> {
    const expected = this.known?.root ?? null;
    const { rowCount } = await client.query(
      'UPDATE catalogue SET root = $1 WHERE root = $1 OR root IS NOT DISTINCT FROM $2',
      [...[root, expected]],
    );
    if (rowCount === 0)
      throw new MatvitError('OPTION_INVALID', `another process has begun to index another folder into ${this.folder}`);
  }

  /** There is nothing to do: each commit is all there is. */
  save(): Promise<void> {
    return Promise.resolve();
  }

  async stats(): Promise<IndexStats> {
    const [images, vectors] = await Promise.all([this.count(), this.run(() => this.vectors.size())]);
    return { images, vectors, stored: 0 };
  }

  async samples(count: number): Promise<string[]> {
    const root = await this.root();
    const images = await this.select('ORDER BY images.id LIMIT $1', [count]);
    return images.map(({ path }) => join(root ?? '', path));
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  /** As Catalogue.sample. */
  private async sample(count: number): Promise<VectorRows> {
    const { rows: span } = await this.pool.query<{ low: number | null; high: number | null }>(
      'SELECT min(id)::float8 AS low, max(id)::float8 AS high FROM vectors',
    );
    const { low, high } = span[0]!;
    if (low === null || high === null) return this.vectors.vectorsOf([]);
    const { rows } = await this.pool.query<{ id: number }>(
      'SELECT (SELECT min(id)::float8 FROM vectors WHERE id >= start) AS id FROM unnest($1::bigint[]) AS starts (start)',
      [spread(low, high, count)],
    );
    return this.vectors.vectorsOf(rows.map(({ id }) => id));
  }

  /** Counts what passes first, for the reasons that NearestImages gives. */
  private async nearest(query: Float32Array, count: number, minScore = -1, filter?: Filter): Promise<Hit[]> {
    checkQuery(this.model.dimension, query, count);
    const isSelective = filter !== undefined && (await this.count(filter, selective + 1)) <= selective;
    const end = filter ? maxWidth : Infinity; // what is wider is a scan of everything, and does not filter
    if (!isSelective)
      for (let width = filter ? Math.max(64, 4 * count) : count; width <= end; width *= filter ? 4 : 2) {
        const neighbours = await this.vectors.search(query, width);
        const hits = await this.imagesOf(neighbours, minScore, filter);
        if (hits.length >= count || (neighbours.at(-1)?.score ?? 1) < minScore) return hits;
        if (neighbours.length < width && !filter) return hits;
      }
    const parameters = new Parameters([undefined, undefined]); // scan's own
    const sql = `SELECT vector_id FROM images WHERE ${postgresCondition(filter!, parameters)}`;
    const among = { sql, values: parameters.values.slice(2) };
    return this.imagesOf(await this.vectors.scan(query, count, among), minScore, filter);
  }

  private async imagesOf(neighbours: readonly Neighbour[], minScore: number, filter?: Filter): Promise<Hit[]> {
    const scores = scoresOf(neighbours, minScore);
    const parameters = new Parameters();
    const ids = parameters.add([...scores.keys()], 'bigint[]');
    const condition = filter ? postgresCondition(filter, parameters) : 'true';
    return hitsOf(
      await this.select(`WHERE images.vector_id = ANY (${ids}) AND ${condition}`, parameters.values),
      scores,
    );
  }

  /** Both ways of pruning at once: PostgreSQL finds all that is unused by an index. */
  private async prune(client: ClientBase): Promise<void> {
    const { rows } = await client.query<{ id: number }>(
      `DELETE FROM contents WHERE NOT EXISTS (SELECT 1 FROM images WHERE images.vector_id = contents.vector_id)
       RETURNING vector_id::float8 AS id`,
    );
    const ids = rows.map(({ id }) => id);
    if (ids.length > 0) await this.vectors.remove(ids, client);
  }

  /** The vectors that are new, then the rows. The last of several for one path holds. */
  private async put(client: ClientBase, put: readonly NewImage[]): Promise<void> {
    const bySha256 = new Map(put.map(image => [image.sha256, image]));
    for (const image of put) if (image.embedding) bySha256.set(image.sha256, image);
    const { rows: known } = await client.query<{ sha256: string }>(
      'SELECT sha256 FROM contents WHERE sha256 = ANY ($1::text[])',
      [[...bySha256.keys()]],
    );
    for (const { sha256 } of known) bySha256.delete(sha256);
    const { dimension } = this.model;
    const embeddings = new Float32Array(bySha256.size * dimension);
    [...bySha256.values()].forEach(({ path, embedding }, row) => {
      if (embedding?.length !== dimension)
        throw new MatvitError('VECTOR_INVALID', `${path} has no vector of ${dimension} numbers yet`);
      embeddings.set(embedding, row * dimension);
    });
    const { rows: added } = await client.query<{ id: number }>(
      `INSERT INTO contents (sha256) SELECT sha256 FROM unnest($1::text[]) WITH ORDINALITY AS new (sha256, row)
       ORDER BY row RETURNING vector_id::float8 AS id`,
      [[...bySha256.keys()]],
    );
    await this.vectors.upsert(
      added.map(({ id }) => id),
      embeddings,
      client,
    );
    const rows = await this.edited(client, [...new Map(put.map(image => [image.path, image])).values()]);
    const column = (value: (image: NewImage) => unknown) => rows.map(value);
    await client.query(
      `INSERT INTO images (path, vector_id, size, mtime, metadata, edited)
       SELECT path, vector_id, size, mtime, metadata, edited
       FROM unnest($1::text[], $2::text[], $3::bigint[], $4::float8[], $5::jsonb[], $6::boolean[])
         WITH ORDINALITY AS new (path, sha256, size, mtime, metadata, edited, row) JOIN contents USING (sha256)
       ORDER BY row
       ON CONFLICT (path) DO UPDATE SET vector_id = excluded.vector_id, size = excluded.size, mtime = excluded.mtime,
         metadata = excluded.metadata, edited = excluded.edited`,
      [
        ...[column(image => image.path), column(image => image.sha256), column(image => image.size)],
        ...[column(image => image.mtime), column(image => JSON.stringify(image.metadata))],
        column(image => image.edited ?? false),
      ],
    );
  }

  /** The same, but with metadata that was edited after it had been decided what to replace. */
  private async edited(client: ClientBase, put: readonly NewImage[]): Promise<NewImage[]> {
    const { rows } = await client.query<{ path: string; metadata: Metadata }>(
      'SELECT path, metadata FROM images WHERE edited AND path = ANY ($1::text[]) FOR UPDATE',
      [put.map(({ path }) => path)],
    );
    const edits = new Map(rows.map(({ path, metadata }) => [path, metadata]));
    return put.map(image => {
      const metadata = edits.get(image.path);
      const isEditedSince = image.replaces && metadata && !isDeepStrictEqual(metadata, image.replaces);
      return isEditedSince ? { ...image, metadata, edited: true } : image;
    });
  }

  /** SHA-256 of everything that has a vector. */
  private readContents(): Promise<Set<string>> {
    return this.run(async () => {
      const { rows } = await this.pool.query<{ sha256: string }>('SELECT sha256 FROM contents');
      return new Set(rows.map(({ sha256 }) => sha256));
    });
  }

  private select(clause: string, values: readonly unknown[]): Promise<Image[]> {
    const sql = `SELECT ${columns} FROM images JOIN contents USING (vector_id) ${clause}`;
    return this.run(async () => (await this.pool.query<Image>(sql, [...values])).rows);
  }

  private run<T>(action: () => Promise<T>): Promise<T> {
    return withPostgres(this.address, action);
  }
}

/** Until the transaction ends no other commits. One whose machine is lost in the middle of it does not hold up the others for ever. */
async function waitForTurn(client: ClientBase): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = '60s'`);
  await client.query(`SET LOCAL idle_in_transaction_session_timeout = '60s'`);
  await client.query('SELECT pg_advisory_xact_lock($1)', [commitLock]);
}

async function checkModel(client: ClientBase | Pool, model: Model): Promise<void> {
  const { rows } = await client.query<Model & { format: number }>(
    'SELECT format, fingerprint, dimension FROM catalogue',
  );
  const [found] = rows;
  if (!found) throw new MatvitError('INDEX_MISSING', 'the database holds no catalogue');
  if (found.format !== format)
    throw new MatvitError('INDEX_FAILED', `the database has format ${found.format}; this matvit reads ${format}`);
  if (found.fingerprint !== model.fingerprint || found.dimension !== model.dimension)
    throw new MatvitError(
      'MODEL_MISMATCH',
      `the database holds vectors of the model ${found.fingerprint.slice(0, 16)}, the model in use is ` +
        `${model.fingerprint.slice(0, 16)}; use the first, or another database`,
    );
}
