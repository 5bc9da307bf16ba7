import { MatvitError } from '../errors.js';
import { isUnit } from '../index/check.js';
import { checkRow } from './checksum.js';

/** To select for a VectorRecord. */
export const vectorColumns = 'id, sha256, embedding, revision, crc';

export interface VectorRecord {
  readonly id: number;
  readonly sha256: string;
  /** [dimension] float32, little-endian */
  readonly embedding: Buffer;
  readonly revision: number;
  readonly crc: number;
}

export interface VectorRows {
  readonly ids: readonly number[];
  /** [ids.length, dimension], unit rows */
  readonly vectors: Float32Array;
}

/** @throws CATALOGUE_CORRUPT where a row is damaged */
export function vectorRows(records: readonly VectorRecord[], of: { file: string; dimension: number }): VectorRows {
  const { file, dimension } = of;
  const vectors = new Float32Array(records.length * dimension);
  const bytes = new Uint8Array(vectors.buffer);
  records.forEach(({ id, sha256, embedding, revision, crc }, i) => {
    checkRow(`${file}: vector ${id}`, crc, [id, sha256, revision], embedding);
    if (embedding.length === 4 * dimension) bytes.set(embedding, 4 * dimension * i);
    if (!isUnit(vectors.subarray(dimension * i, dimension * (i + 1))))
      throw new MatvitError('CATALOGUE_CORRUPT', `${file}: vector ${id} is not of unit length`);
  });
  return { ids: records.map(record => record.id), vectors };
}
