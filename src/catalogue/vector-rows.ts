import { MatvitError } from '../errors.js';
import { isUnit } from '../index/check.js';

export interface VectorRecord {
  readonly id: number;
  readonly revision: number;
  /** [dimension] float32, little-endian */
  readonly embedding: Buffer;
}

export interface VectorRows {
  readonly ids: readonly number[];
  /** [ids.length, dimension], unit rows */
  readonly vectors: Float32Array;
}

/** @throws CATALOGUE_CORRUPT where an embedding cannot be one */
export function vectorRows(records: readonly VectorRecord[], of: { file: string; dimension: number }): VectorRows {
  const { file, dimension } = of;
  const vectors = new Float32Array(records.length * dimension);
  const bytes = new Uint8Array(vectors.buffer);
  records.forEach(({ id, embedding }, i) => {
    if (embedding.length === 4 * dimension) bytes.set(embedding, 4 * dimension * i);
    if (!isUnit(vectors.subarray(dimension * i, dimension * (i + 1))))
      throw new MatvitError('CATALOGUE_CORRUPT', `${file}: vector ${id} is damaged`);
  });
  return { ids: records.map(record => record.id), vectors };
}
