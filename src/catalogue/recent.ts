import { LRUCache } from 'lru-cache';

/** Bytes, or so, of a row besides what is counted. */
const overhead = 500;

/** Rows that were read lately, by id: most of what a search reads, others have read before it. */
export class Recent<Value extends object> {
  private readonly rows: LRUCache<number, Value>;
  private revision = -1;

  /**
   * @param bytes that are kept, or so
   * @param sizeOf what is large in a value: its bytes
   */
  constructor(bytes: number, sizeOf: (value: Value) => number) {
    this.rows = new LRUCache({ maxSize: bytes, sizeCalculation: value => overhead + sizeOf(value) });
  }

  /**
   * What is known of the catalogue at a revision; of another one, nothing is. Read the revision before the rows: those may
   * then be newer than it says, never older.
   */
  at(revision: number): Pick<LRUCache<number, Value>, 'get' | 'set'> {
    if (revision !== this.revision) this.rows.clear();
    this.revision = revision;
    return this.rows;
  }
}
