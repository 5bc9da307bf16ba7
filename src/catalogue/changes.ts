/** Writing to the catalogue: what one transaction can change. */
import type { Database } from 'better-sqlite3';
import { MatvitError } from '../errors.js';
import { checkVector } from '../index/check.js';
import type { ImageContent } from './image.js';

/** One transaction: applied in the order of the fields, all of it or nothing. */
export interface Changes {
  /** absolute folder that paths are relative to */
  readonly root?: string;
  /** added, or replaced where the path is known; ids of new images ascend in this order */
  readonly put?: readonly NewImage[];
  /** paths of images that are gone; unknown ones are ignored */
  readonly remove?: readonly string[];
  /** Remove vectors that no image has any more? Until then a moved picture finds its vector again. */
  readonly prune?: boolean;
}

export interface NewImage extends ImageContent {
  /** [dimension], unit; may be left out where the catalogue has a vector for the SHA-256 */
  readonly embedding?: Float32Array | undefined;
}

/** Prepares the transaction; its result is the revision afterwards, increased if anything changed. */
export function changesTo(database: Database, dimension: number): (changes: Changes) => number {
  const getRevision = database.prepare<[], number>('SELECT revision FROM catalogue').pluck();
  const setRevision = database.prepare('UPDATE catalogue SET revision = ?');
  const setRoot = database.prepare('UPDATE catalogue SET root = @root WHERE root IS NOT @root');
  const findVector = database.prepare<[string], number>('SELECT id FROM vectors WHERE sha256 = ?').pluck();
  const addVector = database.prepare('INSERT INTO vectors (sha256, embedding, revision) VALUES (?, ?, ?)');
  // not an upsert: that would use up an id even where it updates
  const updateImage = database.prepare(
    'UPDATE images SET vector_id = @vectorId, size = @size, mtime = @mtime, metadata = @metadata WHERE path = @path',
  );
  const addImage = database.prepare(
    'INSERT INTO images (path, vector_id, size, mtime, metadata) VALUES (@path, @vectorId, @size, @mtime, @metadata)',
  );
  const removeImage = database.prepare('DELETE FROM images WHERE path = ?');
  const unused = 'NOT EXISTS (SELECT 1 FROM images WHERE vector_id = vectors.id)';
  const bury = database.prepare(`INSERT INTO removed_vectors SELECT id, ? FROM vectors WHERE ${unused}`);
  const removeVectors = database.prepare(`DELETE FROM vectors WHERE ${unused}`);

  const vectorOf = ({ sha256, path, embedding }: NewImage, revision: number): number | bigint => {
    const known = findVector.get(sha256);
    if (known !== undefined) return known;
    if (!embedding) throw new MatvitError('VECTOR_INVALID', `${path} has no vector yet`);
    checkVector(dimension, embedding, `the vector of ${path}`);
    const { buffer, byteOffset, byteLength } = embedding;
    return addVector.run(sha256, Buffer.from(buffer, byteOffset, byteLength), revision).lastInsertRowid;
  };

  const transaction = database.transaction((changes: Changes) => {
    const before = getRevision.get()!;
    const revision = before + 1;
    let changed = 0;
    if (changes.root !== undefined) changed += setRoot.run({ root: changes.root }).changes;
    for (const image of changes.put ?? []) {
      const { path, size, mtime } = image;
      const row = { path, size, mtime, vectorId: vectorOf(image, revision), metadata: JSON.stringify(image.metadata) };
      changed += updateImage.run(row).changes || addImage.run(row).changes;
    }
    for (const path of changes.remove ?? []) changed += removeImage.run(path).changes;
    if (changes.prune && bury.run(revision).changes > 0) changed += removeVectors.run().changes;
    if (changed === 0) return before;
    setRevision.run(revision);
    return revision;
  });
  return changes => transaction.immediate(changes);
}
