import { LRUCache } from 'lru-cache';

/** Rows that were read lately, by id: most of what a search reads, others have read before it. */
export class Recent<Value extends object> {
  private readonly rows: LRUCache<number, Value>;
  private revision = -1;

  /** @param rows that are kept */
  constructor(rows: number) {
    this.rows = new LRUCache({ max: rows });
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
