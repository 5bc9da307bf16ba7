/** The VectorIndex port: nearest neighbours by cosine similarity over unit vectors. */

export interface Neighbour {
  readonly id: number;
  /** cosine similarity, -1 … 1 */
  readonly score: number;
}

export interface VectorIndex {
  readonly dimension: number;
  /** vectors held now */
  size(): Promise<number>;
  /**
   * Inserts or replaces.
   * @param ids distinct integers, 1 … maxId
   * @param vectors [ids.length, dimension], unit rows
   * @throws VECTOR_INVALID, with nothing changed
   */
  upsert(ids: readonly number[], vectors: Float32Array): Promise<void>;
  /** Removes; unknown ids are ignored. */
  remove(ids: readonly number[]): Promise<void>;
  /**
   * @param query [dimension], unit
   * @param k a positive integer
   * @returns at most k neighbours, best first; equal scores by ascending id
   * @throws VECTOR_INVALID
   */
  search(query: Float32Array, k: number): Promise<Neighbour[]>;
  close(): Promise<void>;
}
