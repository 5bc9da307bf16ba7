/** Writing to the catalogue: what one transaction can change. */
import type { Database } from 'better-sqlite3';
import { MatvitError } from '../errors.js';
import { checkVector } from '../index/check.js';
import { rowChecksum } from './checksum.js';
import { seal } from './identity.js';
import type { ImageContent, Metadata } from './image.js';
import { type ImageRow, imageCells, imageColumns } from './rows.js';

/** One transaction: applied in the order of the fields, all of it or nothing. */
export interface Changes {
  /** absolute folder that paths are relative to */
  readonly root?: string;
  /** added, or replaced where the path is known; ids of new images ascend in this order */
  readonly put?: readonly NewImage[];
  readonly edit?: readonly { readonly id: number; readonly metadata: Metadata }[];
  /** ids of images; unknown ones are ignored */
  readonly remove?: readonly number[];
  /**
   * Remove vectors that no image has any more: those that this transaction took from an image, or all. Until then a
   * moved picture finds its vector again.
   */
  readonly prune?: 'touched' | 'all';
  /** Forget which vectors were removed up to this revision: every snapshot of the graph is beyond it. */
  readonly forget?: number;
}

export interface NewImage extends Omit<ImageContent, 'stored' | 'edited'> {
  /** [dimension], unit; may be left out where the catalogue has a vector for the SHA-256 */
  readonly embedding?: Float32Array | undefined;
  /** of a picture that is kept in the catalogue; without them it is a file below the root */
  readonly bytes?: Uint8Array | undefined;
  readonly edited?: boolean;
  /** the metadata that it was to replace when that was decided: what has been edited since stays */
  readonly replaces?: Metadata | undefined;
}

/** Prepares the transaction; its result is the revision afterwards, increased if anything changed. */
export function changesTo(database: Database, dimension: number): (changes: Changes) => number {
  const getRevision = database.prepare<[], number>('SELECT revision FROM catalogue').pluck();
  const setRevision = database.prepare('UPDATE catalogue SET revision = ?');
  const setRoot = database.prepare('UPDATE catalogue SET root = @root WHERE root IS NOT @root');

  const findVector = database.prepare<[string], number>('SELECT id FROM vectors WHERE sha256 = ?').pluck();
  const addVector = database.prepare('INSERT INTO vectors (sha256, embedding, revision, crc) VALUES (?, ?, ?, 0)');
  const sealVector = database.prepare('UPDATE vectors SET crc = ? WHERE id = ?');

  const imageAt = database.prepare<[string], ImageRow>(`SELECT ${imageColumns} FROM images WHERE path = ?`);
  const imageOf = database.prepare<[number], ImageRow>(`SELECT ${imageColumns} FROM images WHERE id = ?`);
  const addImage = database.prepare(`INSERT INTO images (path, vector_id, size, mtime, metadata, stored, edited, crc)
    VALUES (@path, @vectorId, @size, @mtime, @metadata, @stored, @edited, 0)`);
  const setImage = database.prepare(`UPDATE images SET vector_id = @vectorId, size = @size, mtime = @mtime,
    metadata = @metadata, stored = @stored, edited = @edited, crc = @crc WHERE id = @id`);
  const removeImage = database.prepare('DELETE FROM images WHERE id = ?');

  const forget = database.prepare('DELETE FROM removed_vectors WHERE revision <= @upTo');
  const setHorizon = database.prepare('UPDATE catalogue SET horizon = max(horizon, ?)');
  const putFile = database.prepare('INSERT OR IGNORE INTO files VALUES (?, ?)');
  const unused = 'NOT EXISTS (SELECT 1 FROM images WHERE vector_id = vectors.id)';
  const notStored = 'NOT EXISTS (SELECT 1 FROM images WHERE vector_id = files.vector_id AND stored)';
  const prunings = (only: (vector: string) => string) => ({
    files: database.prepare(`DELETE FROM files WHERE ${notStored}${only('vector_id')}`),
    bury: database.prepare(
      `INSERT INTO removed_vectors SELECT id, @revision FROM vectors WHERE ${unused}${only('id')}`,
    ),
    vectors: database.prepare(`DELETE FROM vectors WHERE ${unused}${only('id')}`),
  });
  const pruning = {
    all: prunings(() => ''),
    touched: prunings(vector => ` AND ${vector} IN (SELECT value FROM json_each(@touched))`),
  };

  const vectorOf = ({ sha256, path, embedding }: NewImage, revision: number): number => {
    const known = findVector.get(sha256);
    if (known !== undefined) return known;
    if (!embedding) throw new MatvitError('VECTOR_INVALID', `${path} has no vector yet`);
    checkVector(dimension, embedding, `the vector of ${path}`);
    const bytes = Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength);
    const id = Number(addVector.run(sha256, bytes, revision).lastInsertRowid);
    sealVector.run(rowChecksum([id, sha256, revision], bytes), id);
    return id;
  };
  const write = (row: ImageRow) => setImage.run({ ...row, crc: rowChecksum(imageCells(row)) }).changes;

  const transaction = database.transaction((changes: Changes) => {
    const before = getRevision.get()!;
    const revision = before + 1;
    const touched = new Set<number>();
    let changed = 0;
    if (changes.root !== undefined) changed += setRoot.run({ root: changes.root }).changes;
    for (const image of changes.put ?? []) {
      const { path, size, mtime, bytes, edited } = image;
      const vectorId = vectorOf(image, revision);
      const known = imageAt.get(path);
      // added by itself while a folder with such a file was being indexed: what was acknowledged stays
      if (known?.stored === 1 && !bytes) continue;
      if (known) touched.add(known.vectorId);
      if (bytes) putFile.run(vectorId, bytes);
      const isEditedSince = image.replaces && known?.edited === 1 && known.metadata !== JSON.stringify(image.replaces);
      const described = isEditedSince
        ? { metadata: known.metadata, edited: 1 }
        : { metadata: JSON.stringify(image.metadata), edited: edited ? 1 : 0 };
      const row = { path, vectorId, size, mtime, stored: bytes ? 1 : 0, ...described };
      changed += write({ ...row, id: known?.id ?? Number(addImage.run(row).lastInsertRowid) });
    }
    for (const { id, metadata } of changes.edit ?? []) {
      const known = imageOf.get(id);
      if (known) changed += write({ ...known, metadata: JSON.stringify(metadata), edited: 1 });
    }
    for (const id of changes.remove ?? []) {
      const known = imageOf.get(id);
      if (!known) continue;
      touched.add(known.vectorId);
      changed += removeImage.run(id).changes;
    }
    if (changes.prune) {
      const { files, bury, vectors } = pruning[changes.prune];
      const values = changes.prune === 'all' ? { revision } : { revision, touched: JSON.stringify([...touched]) };
      changed += files.run(values).changes + bury.run(values).changes;
      vectors.run(values);
    }
    if (changes.forget !== undefined && forget.run({ upTo: changes.forget }).changes > 0) {
      setHorizon.run(changes.forget);
      seal(database);
    }
    if (changed === 0) return before;
    setRevision.run(revision);
    seal(database);
    return revision;
  });
  return changes => transaction.immediate(changes);
}
