import { type Filter, type Scalar, comparisons } from './filter.js';

/** The parameters of a statement, as they are collected: $1 is the first. */
export class Parameters {
  constructor(readonly values: unknown[] = []) {}

  /** @returns the placeholder of a new parameter */
  add(value: unknown, type: string): string {
    return `$${this.values.push(value)}::${type}`;
  }
}

/**
 * A filter as a condition on rows of `images`, for WHERE; never NULL. What comes from outside is a parameter, none of it
 * becomes SQL. Equality is containment, which the GIN index answers; ranges are SQL/JSON paths, whose lax mode looks
 * into a list and whose strings are ordered by code point.
 */
export function postgresCondition(filter: Filter, parameters: Parameters): string {
  switch (filter.kind) {
    case 'all':
    case 'any': {
      const [joint, none] = filter.kind === 'all' ? [' AND ', 'true'] : [' OR ', 'false'];
      return `(${filter.of.map(part => postgresCondition(part, parameters)).join(joint) || none})`;
    }
    case 'not':
      return `NOT ${postgresCondition(filter.of, parameters)}`;
    case 'exists':
      return `(${jsonAt(filter.path, parameters)} IS NOT NULL)`;
    case 'in': {
      const { path } = filter;
      const contains = (json: unknown) => `metadata @> ${parameters.add(JSON.stringify(json), 'jsonb')}`;
      const one = (value: Scalar) => [contains(nested(path, value)), contains(nested(path, [value]))];
      return `(${filter.values.flatMap(one).join(' OR ') || 'false'})`;
    }
    case 'range': {
      const at = jsonAt(filter.path, parameters);
      const bounds = Object.entries(filter.bounds) as [keyof typeof comparisons, number | string][];
      const path = bounds.map(([key], i) => `@ ${comparisons[key]} $b${i}`).join(' && ');
      const values = Object.fromEntries(bounds.map(([, value], i) => [`b${i}`, value]));
      const given = parameters.add(JSON.stringify(values), 'jsonb');
      return `(jsonb_path_exists(${at}, '$ ? (@.type() != "array" && ${path})', ${given}) IS TRUE)`;
    }
  }
}

/** The JSON at a path of objects' keys, or NULL; -> with text does not look into lists. */
export const jsonAt = (path: readonly string[], parameters: Parameters): string =>
  ['images.metadata', ...path.map(key => parameters.add(key, 'text'))].join(' -> ');

const nested = (path: readonly string[], value: unknown): unknown =>
  path.reduceRight((inner, key) => ({ [key]: inner }), value);
