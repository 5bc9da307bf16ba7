/** The catalogue: the images of an index and their vectors, in SQLite. The source of truth; graphs derive from it. */
import type { Database, Statement } from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { MatvitError } from '../errors.js';
import { type Changes, changesTo } from './changes.js';
import { checkRow } from './checksum.js';
import { type Facet, type FacetRow, facetOf, facetOrder, facetQuery } from './facets.js';
import type { Filter } from './filter.js';
import { type Identity, type Model, renewIdentity } from './identity.js';
import type { Image } from './image.js';
import { openForReading, openForWriting } from './open.js';
import { Recent } from './recent.js';
import { type ImageRow, imageCells, imageColumns } from './rows.js';
import { spread } from './spread.js';
import { sqliteCondition } from './sqlite-filter.js';
import { openSqlite, withSqlite } from './sqlite.js';
import { type VectorRecord, type VectorRows, vectorColumns, vectorRows } from './vector-rows.js';

/** Where a catalogue stands, read at one moment. */
export interface State {
  readonly revision: number;
  readonly images: number;
  readonly vectors: number;
}

type ImageRecord = ImageRow & { readonly sha256: string; readonly crc: number };

const selectImages = (from = 'images') => `SELECT ${imageColumns}, sha256, images.crc
  FROM ${from} JOIN vectors ON vectors.id = vector_id`;
const rowsAtOnce = 256; // reading them holds the event loop up for a millisecond
const imagesAtOnce = 4096; // looking through their metadata
const recentBytes = 16e6; // of each kind: 10,000 rows or so
const sizeOfImage = ({ path, metadata }: Image) => 2 * (path.length + JSON.stringify(metadata).length);

/** Every method @throws CATALOGUE_CORRUPT, STORAGE_FAILED (full disk, no permission, …), INDEX_LOCKED (busy for 5 s) */
export class Catalogue {
  private readonly commitChanges: (changes: Changes) => number;
  private readonly stateNow: Statement<[], State>;
  private readonly revisionNow: Statement<[], number>;
  private readonly vectorPage: Statement<[number, number, number], VectorRecord>;

  /** Preparing takes longer than reading a row. */
  private readonly prepared = new LRUCache<string, Statement<unknown[], unknown>>({ max: 64 });
  private readonly recent = {
    images: new Recent<Image>(recentBytes, sizeOfImage),
    imagesOf: new Recent<readonly Image[]>(recentBytes, images => images.reduce((sum, x) => sum + sizeOfImage(x), 0)),
    embeddings: new Recent<Float32Array>(recentBytes, ({ byteLength }) => byteLength),
  };

  /** random, one for each catalogue that was ever created */
  readonly id: string;
  /** of the model that made every vector in here */
  readonly fingerprint: string;
  readonly dimension: number;

  private constructor(
    readonly file: string,
    private readonly database: Database,
    at: Identity,
  ) {
    ({ id: this.id, fingerprint: this.fingerprint, dimension: this.dimension } = at);
    this.commitChanges = changesTo(database, at.dimension);
    this.revisionNow = database.prepare<[], number>('SELECT revision FROM catalogue').pluck();
    this.stateNow = database.prepare(`SELECT revision, (SELECT count(*) FROM images) AS images,
      (SELECT count(*) FROM vectors) AS vectors FROM catalogue`);
    this.vectorPage = database.prepare(`SELECT ${vectorColumns} FROM vectors
      WHERE (revision, id) > (?, ?) AND revision <= ? ORDER BY revision, id LIMIT ${rowsAtOnce}`);
  }

  /** @param model refuse others' vectors; left out, anything goes @throws INDEX_MISSING, FILE_UNREADABLE, MODEL_MISMATCH */
  static openForReading(file: string, model?: Model): Catalogue {
    return withSqlite(file, () => {
      const { database, at } = openForReading(file, model);
      return new Catalogue(file, database, at);
    });
  }

  /** Creates the file where there is none. One writer at a time: see write-lock.ts. @throws MODEL_MISMATCH */
  static openForWriting(file: string, model: Model): Catalogue {
    return withSqlite(file, () => {
      const { database, at } = openForWriting(file, model);
      return new Catalogue(file, database, at);
    });
  }

  /** The absolute folder that paths are relative to; undefined before the first indexing. */
  get root(): string | undefined {
    return (
      this.run(() => this.database.prepare<[], string | null>('SELECT root FROM catalogue').pluck().get()!) ?? undefined
    );
  }

  /** Increased by every commit that changes something; sees the commits of other processes. */
  revision(): number {
    return this.run(() => this.revisionNow.get()!);
  }

  state(): State {
    return this.run(() => this.stateNow.get()!);
  }

  /** Images that were added by themselves, with their bytes. */
  stored(): number {
    return this.run(() => this.database.prepare<[], number>('SELECT count(*) FROM images WHERE stored').pluck().get()!);
  }

  image(id: number): Image | undefined {
    const recent = this.recent.images.at(this.revision());
    const known = recent.get(id);
    if (known) return known;
    const [image] = this.select(`${selectImages()} WHERE images.id = ?`, id);
    if (image && !this.database.inTransaction) recent.set(id, image); // which may be undone
    return image;
  }

  /** Every image, by ascending path (by code unit). */
  images(): Image[] {
    return this.select(`${selectImages()} ORDER BY path`);
  }

  /** Images with a larger id than `after`, by ascending id, at most `limit`. */
  imagesAfter(after: number, limit: number): Image[] {
    return this.select(`${selectImages()} WHERE images.id > ? ORDER BY images.id LIMIT ?`, after, limit);
  }

  /** Those of them that pass a filter; a window at a time. */
  *imagesMatching(after: number, limit: number, filter: Filter): Generator<Image[]> {
    const { sql, values } = sqliteCondition(filter);
    const read = `${selectImages()} WHERE images.id > ? AND images.id <= ? AND ${sql} ORDER BY images.id LIMIT ?`;
    let wanted = limit;
    for (const window of this.windows(after)) {
      const found = this.select(read, ...window, ...values, wanted);
      yield found;
      wanted -= found.length;
      if (wanted <= 0) return;
    }
  }

  /** The images of some vectors, those that pass `filter`, in no order. */
  imagesOf(vectorIds: readonly number[], filter?: Filter): Image[] {
    if (filter) return this.readImagesOf(vectorIds, filter);
    const recent = this.recent.imagesOf.at(this.revision());
    const images: Image[] = [];
    const unknown = new Map<number, Image[]>();
    for (const id of vectorIds) {
      const known = recent.get(id);
      if (known) images.push(...known);
      else unknown.set(id, []);
    }
    if (unknown.size === 0) return images;
    for (const image of this.readImagesOf([...unknown.keys()])) unknown.get(image.vectorId)!.push(image);
    for (const [id, read] of unknown) {
      recent.set(id, read);
      images.push(...read);
    }
    return images;
  }

  /** How many images pass a filter; a window at a time, to be added up. */
  *countMatching(filter: Filter): Generator<number> {
    for (const [count] of this.matching('count(*)', filter)) yield count!;
  }

  /** Ids of the vectors of images that pass a filter, in no order, some twice; a window at a time. */
  vectorsMatching(filter: Filter): Generator<number[]> {
    return this.matching('vector_id', filter);
  }

  private *matching(column: string, filter: Filter): Generator<number[]> {
    const { sql, values } = sqliteCondition(filter);
    const read = this.run(() =>
      this.prepare<unknown[], number>(
        `SELECT ${column} FROM images WHERE images.id > ? AND images.id <= ? AND ${sql}`,
      ).pluck(),
    );
    for (const window of this.windows()) yield this.run(() => read.all(...window, ...values));
  }

  /** Ranges of ids, without the first and with the last, that cover all images; to look through one takes 20 ms at most. */
  private *windows(after = 0): Generator<[after: number, upTo: number]> {
    const last = this.run(() => this.prepare<[], number | null>('SELECT max(id) FROM images').pluck().get()!) ?? 0;
    for (let at = after; at < last; at += imagesAtOnce) yield [at, at + imagesAtOnce];
  }

  /** How often which values of a field occur in images that pass `filter`; the commonest first, at most `limit`. */
  facet(path: readonly string[], limit: number, filter?: Filter): Facet[] {
    const { sql, values } = facetQuery(path, [0, Number.MAX_SAFE_INTEGER], filter);
    const read = this.run(() => this.prepare<unknown[], FacetRow>(`${sql} ${facetOrder} LIMIT ?`));
    return this.run(() => read.all(...values, limit)).map(facetOf);
  }

  /** The same for FacetCounts, unordered; a window at a time. */
  *facetRows(path: readonly string[], filter?: Filter): Generator<FacetRow[]> {
    for (const window of this.windows()) {
      const { sql, values } = facetQuery(path, window, filter);
      yield this.run(() => this.prepare<unknown[], FacetRow>(sql).all(...values));
    }
  }

  hasVector(sha256: string): boolean {
    return this.run(() => this.database.prepare('SELECT 1 FROM vectors WHERE sha256 = ?').get(sha256)) !== undefined;
  }

  imageAt(path: string): Image | undefined {
    return this.select(`${selectImages()} WHERE path = ?`, path)[0];
  }

  /** The vector of an image, [dimension]. @throws NOT_FOUND if it has been deleted since */
  embedding(image: Image): Float32Array {
    const recent = this.recent.embeddings.at(this.revision());
    const known = recent.get(image.vectorId);
    if (known) return known;
    const { ids, vectors } = this.vectorsOf([image.vectorId]);
    if (ids.length === 0) throw new MatvitError('NOT_FOUND', `there is no picture ${image.id} any more`);
    recent.set(image.vectorId, vectors);
    return vectors;
  }

  /** Of these ids the vectors that there are, by ascending id. */
  vectorsOf(ids: readonly number[]): VectorRows {
    const read = this.prepare<[string], VectorRecord>(
      `SELECT ${vectorColumns} FROM vectors WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`,
    );
    return vectorRows(
      this.run(() => read.all(JSON.stringify(ids))),
      this,
    );
  }

  /** At most `count` vectors, their ids spread evenly over all there are. */
  sample(count: number): VectorRows {
    const span = 'SELECT (SELECT min(id) FROM vectors) AS low, (SELECT max(id) FROM vectors) AS high';
    const first = 'SELECT (SELECT min(id) FROM vectors WHERE id >= value) AS id FROM json_each(?)';
    const ids = this.run(() => {
      const { low, high } = this.prepare<[], { low: number | null; high: number | null }>(span).get()!;
      if (low === null || high === null) return [];
      return this.prepare<[string], { id: number }>(first).all(JSON.stringify(spread(low, high, count)));
    });
    return this.vectorsOf(ids.map(({ id }) => id));
  }

  /** Vectors that were added after one revision, up to another, and are still there; in pages. */
  *vectorsAdded(after: number, upTo: number): Generator<VectorRows> {
    let position: [revision: number, id: number] = [after, Number.MAX_SAFE_INTEGER];
    for (;;) {
      const records = this.run(() => this.vectorPage.all(...position, upTo));
      const last = records.at(-1);
      if (!last) return;
      yield vectorRows(records, this);
      position = [last.revision, last.id];
    }
  }

  /** Ids of vectors that were removed after one revision, up to another. */
  vectorsRemoved(after: number, upTo: number): number[] {
    const read = `SELECT id FROM removed_vectors
      WHERE revision > ? AND revision <= ? AND id NOT IN (SELECT id FROM vectors)`;
    return this.run(() => this.database.prepare<[number, number], number>(read).pluck().all(after, upTo));
  }

  /** What was removed up to this revision is not listed any more. */
  horizon(): number {
    return this.run(() => this.database.prepare<[], number>('SELECT horizon FROM catalogue').pluck().get()!);
  }

  /** The bytes of a picture that is stored in here. @throws NOT_FOUND if it has been deleted or replaced since */
  bytes({ id, vectorId, sha256, stored }: Image): Buffer | undefined {
    const read = this.prepare<[number], Buffer>('SELECT bytes FROM files WHERE vector_id = ?').pluck();
    const bytes = this.run(() => read.get(vectorId));
    if (!bytes && stored && this.image(id)?.vectorId !== vectorId)
      throw new MatvitError('NOT_FOUND', `there is no picture ${id} any more`);
    if (bytes ? createHash('sha256').update(bytes).digest('hex') !== sha256 : stored)
      throw new MatvitError('CATALOGUE_CORRUPT', `${this.file}: the bytes of picture ${id} are damaged`);
    return bytes;
  }

  /** Runs several commits as one transaction, for one flush to disk; what throws, and is caught, undoes itself alone. */
  together<T>(action: () => T): T {
    return this.run(() => this.database.transaction(action).immediate());
  }

  /** Makes changes durable, all or none, and returns the revision afterwards. @throws VECTOR_INVALID */
  commit(changes: Changes): number {
    return this.run(() => this.commitChanges(changes));
  }

  /** Writes the catalogue as it is at this moment into a new file, without what deletions left empty. */
  copyTo(file: string): void {
    this.run(() => this.database.prepare('VACUUM INTO ?').run(file));
  }

  /** Makes a copied file a catalogue of its own, and returns its new id. */
  static renew(file: string): string {
    return withSqlite(file, () => {
      const { database } = openForReading(file, undefined);
      database.close();
      const writable = openSqlite(file);
      try {
        return renewIdentity(writable);
      } finally {
        writable.close();
      }
    });
  }

  close(): void {
    this.run(() => this.database.close());
  }

  private readImagesOf(vectorIds: readonly number[], filter?: Filter): Image[] {
    const { sql, values } = filter ? sqliteCondition(filter) : { sql: '1', values: [] };
    // CROSS JOIN keeps this order: else SQLite evaluates the filter for every image first
    const from = '(SELECT value AS wanted FROM json_each(?)) CROSS JOIN images ON images.vector_id = wanted';
    return this.select(`${selectImages(from)} WHERE ${sql}`, JSON.stringify(vectorIds), ...values);
  }

  private select(sql: string, ...values: (number | string)[]): Image[] {
    return this.run(() =>
      this.prepare<(number | string)[], ImageRecord>(sql)
        .all(...values)
        .map(record => {
          const { crc, stored, edited, ...image } = record;
          checkRow(`${this.file}: image ${record.id}`, crc, imageCells(record));
          const metadata = JSON.parse(record.metadata) as Image['metadata'];
          return { ...image, metadata, stored: stored === 1, edited: edited === 1 };
        }),
    );
  }

  private prepare<Bound extends unknown[], Row>(sql: string): Statement<Bound, Row> {
    let statement = this.prepared.get(sql);
    if (!statement) this.prepared.set(sql, (statement = this.database.prepare(sql)));
    return statement as Statement<Bound, Row>;
  }

  private run<T>(action: () => T): T {
    return withSqlite(this.file, action);
  }
}
