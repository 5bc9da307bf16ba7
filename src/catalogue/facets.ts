import type { Filter, Scalar } from './filter.js';
import { type Condition, jsonPath, sqliteCondition } from './sqlite-filter.js';

/** A value of a field, and how many images have it. An image whose list has a value twice counts once. */
export interface Facet {
  readonly value: Scalar;
  readonly count: number;
}

/** As SQLite has it: true, false and null have an atom that other types have too. */
export interface FacetRow {
  readonly type: string;
  readonly atom: number | string | null;
  readonly count: number;
}

/**
 * Counts the values of a field in a window of images; objects, and lists in lists, are none.
 * @param window ids: without the first, with the last
 */
export function facetQuery(path: readonly string[], window: readonly [number, number], filter?: Filter): Condition {
  const { sql, values } = filter ? sqliteCondition(filter) : { sql: '1', values: [] };
  return {
    // integers and reals are one type
    sql: `SELECT CASE type WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number' ELSE type END AS type, atom, count(DISTINCT images.id) AS count
      FROM images, json_each(images.metadata, ?)
      WHERE images.id > ? AND images.id <= ? AND typeof(json_each.key) <> 'text' AND type NOT IN ('array', 'object')
        AND ${sql}
      GROUP BY 1, 2`,
    values: [jsonPath(path), ...window, ...values],
  };
}

/** The commonest values first, equal counts by type and value. In SQL, and below. */
export const facetOrder = 'ORDER BY 3 DESC, 1, 2';

const byCommonness = (a: FacetRow, b: FacetRow): number =>
  b.count - a.count || (a.type === b.type ? byAtom(a.atom, b.atom) : a.type < b.type ? -1 : 1);

const byAtom = (a: FacetRow['atom'], b: FacetRow['atom']): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : byCodePoint(String(a), String(b));

/** As SQLite orders text: characters beyond U+FFFF, which begin with half of one here, after all others. */
function byCodePoint(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  const rank = (text: string) => {
    const unit = at < text.length ? text.charCodeAt(at) : -1;
    return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
  };
  return rank(a) - rank(b);
}

/** What several windows hold, added up. */
export class FacetCounts {
  private readonly counts = new Map<string, FacetRow>();
  /** characters of the values that are held */
  length = 0;

  add(rows: readonly FacetRow[]): void {
    for (const row of rows) {
      const key = `${row.type} ${row.atom}`;
      const known = this.counts.get(key);
      if (!known) this.length += key.length;
      this.counts.set(key, known ? { ...row, count: known.count + row.count } : row);
    }
  }

  /** At most `limit`, the commonest first, equal counts by type and value. */
  first(limit: number): Facet[] {
    const first: FacetRow[] = [];
    for (const row of this.counts.values()) {
      if (first.length === limit && byCommonness(first.at(-1)!, row) <= 0) continue; // there may be 100,000 of them
      first.push(row);
      first.sort(byCommonness);
      first.length = Math.min(first.length, limit);
    }
    return first.map(facetOf);
  }
}

export const facetOf = ({ type, atom, count }: FacetRow): Facet => ({
  value: type === 'true' ? true : type === 'false' ? false : atom,
  count,
});
