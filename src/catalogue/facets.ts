import type { Database } from 'better-sqlite3';
import type { Filter, Scalar } from './filter.js';
import { jsonPath, sqliteCondition } from './sqlite-filter.js';

/** A value of a field, and how many images have it. An image whose list has a value twice counts once. */
export interface Facet {
  readonly value: Scalar;
  readonly count: number;
}

/** The commonest values first, equal counts by type and value. Objects, and lists in lists, are no values. */
export function facetOf(database: Database, path: readonly string[], limit: number, filter?: Filter): Facet[] {
  const { sql, values } = filter ? sqliteCondition(filter) : { sql: '1', values: [] };
  const rows = database
    .prepare<unknown[], { type: string; atom: number | string | null; count: number }>(
      // integers and reals are one type; true, false and null have an atom that other types have too
      `SELECT CASE type WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number' ELSE type END AS type, atom, count(DISTINCT images.id) AS count
       FROM images, json_each(images.metadata, ?)
       WHERE typeof(json_each.key) <> 'text' AND type NOT IN ('array', 'object') AND ${sql}
       GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?`,
    )
    .all(jsonPath(path), ...values, limit);
  return rows.map(({ type, atom, count }) => ({ value: valueOf(type, atom), count }));
}

function valueOf(type: string, atom: number | string | null): Scalar {
  return type === 'true' ? true : type === 'false' ? false : atom;
}
