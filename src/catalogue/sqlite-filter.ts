import { type Bounds, type Filter, type Scalar, comparisons } from './filter.js';

/** A piece of SQL and the values of its question marks. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly (number | string)[];
}

/**
 * A filter as a condition on rows of `images`, for WHERE; never NULL. What comes from outside is bound, none of it
 * becomes SQL: `json_each` at a path gives the elements of a list, or the value itself.
 */
export function sqliteCondition(filter: Filter): Condition {
  switch (filter.kind) {
    case 'all':
    case 'any': {
      const parts = filter.of.map(sqliteCondition);
      const [joint, none] = filter.kind === 'all' ? [' AND ', '1'] : [' OR ', '0'];
      return {
        sql: `(${parts.map(({ sql }) => sql).join(joint) || none})`,
        values: parts.flatMap(part => part.values),
      };
    }
    case 'not': {
      const { sql, values } = sqliteCondition(filter.of);
      return { sql: `NOT ${sql}`, values };
    }
    case 'exists':
      return { sql: '(json_type(images.metadata, ?) IS NOT NULL)', values: [jsonPath(filter.path)] };
    case 'in':
      return element(filter.path, oneOf(filter.values));
    case 'range':
      return element(filter.path, within(filter.bounds));
  }
}

/** `$."camera"."make"`; names with quotes are refused by the parser. */
export const jsonPath = (path: readonly string[]): string => ['$', ...path.map(key => `"${key}"`)].join('.');

/** The members of an object have text for a key, and are no elements. */
const element = (path: readonly string[], { sql, values }: Condition): Condition => ({
  sql: `EXISTS (SELECT 1 FROM json_each(images.metadata, ?) WHERE typeof(json_each.key) <> 'text' AND (${sql}))`,
  values: [jsonPath(path), ...values],
});

const numberType = "type IN ('integer', 'real')";
const textType = "type = 'text'";

/**
 * By type, since SQLite's own values for true and 1 are the same. Values are bound as JSON, so that one parser reads both
 * sides: it takes 1152921504606847000 for that very integer, where JavaScript's number is 2 ** 60.
 */
function oneOf(values: readonly Scalar[]): Condition {
  const numbers = values.filter(value => typeof value === 'number');
  const texts = values.filter(value => typeof value === 'string');
  const others = values.filter(value => value === null || typeof value === 'boolean').map(String);
  const given = [
    { sql: `${numberType} AND atom`, of: numbers },
    { sql: `${textType} AND atom`, of: texts },
    { sql: 'type', of: others },
  ].filter(({ of }) => of.length > 0);
  return {
    sql: given.map(({ sql }) => `${sql} IN (SELECT value FROM json_each(?))`).join(' OR ') || '0',
    values: given.map(({ of }) => JSON.stringify(of)),
  };
}

function within(bounds: Bounds): Condition {
  const given = Object.entries(bounds) as [keyof typeof comparisons, number | string][];
  const type = typeof given[0]![1] === 'number' ? numberType : textType;
  return {
    // a bound in a SELECT of its own is read once, not for each row
    sql: [type, ...given.map(([key]) => `atom ${comparisons[key]} (SELECT json_extract(?, '$'))`)].join(' AND '),
    values: given.map(([, value]) => JSON.stringify(value)),
  };
}
