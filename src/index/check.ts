/** What every VectorIndex adapter refuses. */
import { MatvitError } from '../errors.js';

/** hnswlib-node passes labels as unsigned 32-bit numbers; beyond them ids would wrap silently. */
export const maxId = 2 ** 32 - 1;

/** Checks the arguments of an upsert. @throws VECTOR_INVALID */
export function checkVectors(dimension: number, ids: readonly number[], vectors: Float32Array): void {
  if (vectors.length !== ids.length * dimension)
    throw new MatvitError('VECTOR_INVALID', `${vectors.length} numbers are not ${ids.length} rows of ${dimension}`);
  const wrong = ids.find(id => !Number.isInteger(id) || id < 1 || id > maxId);
  if (wrong !== undefined) throw new MatvitError('VECTOR_INVALID', `${wrong} is not an id from 1 to ${maxId}`);
  if (new Set(ids).size !== ids.length) throw new MatvitError('VECTOR_INVALID', 'the ids are not distinct');
  ids.forEach((id, row) =>
    checkVector(dimension, vectors.subarray(row * dimension, (row + 1) * dimension), `vector ${id}`),
  );
}

/** Checks the arguments of a search. @throws VECTOR_INVALID */
export function checkQuery(dimension: number, query: Float32Array, k: number): void {
  checkVector(dimension, query, 'the query');
  if (!Number.isSafeInteger(k) || k < 1) throw new MatvitError('VECTOR_INVALID', `k = ${k} is not a positive integer`);
}

/** @throws VECTOR_INVALID */
export function checkVector(dimension: number, vector: Float32Array, name: string): void {
  if (vector.length !== dimension)
    throw new MatvitError('VECTOR_INVALID', `${name} has ${vector.length} numbers, not ${dimension}`);
  if (!isUnit(vector)) throw new MatvitError('VECTOR_INVALID', `${name} has not the length 1`);
}

/** Inner product is cosine similarity for unit vectors only. False for NaN too. */
export function isUnit(vector: Float32Array): boolean {
  let square = 0;
  for (const x of vector) square += x * x;
  return Math.abs(square - 1) < 1e-3;
}
