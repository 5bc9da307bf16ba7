/**
 * The filter language: the part of MongoDB's query language that vector databases have in common
 * (https://www.mongodb.com/docs/manual/reference/operator/query/).
 *
 *   {"label": "fruits"}                          equality; a list has the value if one of its elements is it
 *   {"year": {"$gte": 2000, "$lt": 2010}}        ranges of numbers or of text; one element must satisfy all bounds
 *   {"camera.make": {"$in": ["Canon", "Nikon"]}} also $nin, $eq, $ne, $exists; dots lead into objects
 *   {"$or": [{…}, {…}], "$not": {…}}             also $and, $nor; several keys must all hold
 *
 * Negations are complements: pictures that lack the field pass $ne, $nin and $not. (MongoDB's null also matches what is
 * missing; here $exists asks for that.)
 */
import { z } from 'zod';
import { MatvitError, reasonOf } from '../errors.js';
import { unknownName } from '../nearest.js';
import { type Filter, type Scalar, comparisons } from './filter.js';

const maxText = 16_384;
/** of what has been read, as text */
const maxLength = 256 * 1024;
const maxDepth = 8;
const maxConditions = 100;
const maxValues = 1000;
/** Of all lists together: each is a parameter of a statement, or two, and databases take some tens of thousands. */
const maxAllValues = 10_000;

/** NUL and half characters are text that PostgreSQL cannot hold. */
const text = z
  .string()
  .max(1024)
  .regex(/^[^\0\p{Cs}]*$/u);
const scalar = z.union([z.null(), z.boolean(), z.number(), text]);
const list = z.array(scalar).max(maxValues);
const bound = z.union([z.number(), text]);
const operatorsSchema = z.strictObject({
  ...{ $eq: scalar.optional(), $ne: scalar.optional(), $in: list.optional(), $nin: list.optional() },
  ...{ $gt: bound.optional(), $gte: bound.optional(), $lt: bound.optional(), $lte: bound.optional() },
  $exists: z.boolean().optional(),
});
const connectives = ['$and', '$or', '$nor', '$not'];
const bounds = Object.keys(comparisons) as (keyof typeof comparisons)[];
/** As dots lead into objects, and as SQLite's JSON paths and PostgreSQL's text can spell it. */
const fieldSchema = z.string().regex(/^[^"\\\p{Cc}\p{Cs}]{1,256}$/u);

/** @param source JSON @throws FILTER_INVALID */
export function parseFilter(source: string): Filter {
  if (source.length > maxText) refuse(`it is longer than ${maxText} characters`);
  let json: unknown;
  try {
    json = JSON.parse(source);
  } catch (error) {
    return refuse(`it is not JSON: ${reasonOf(error)}`);
  }
  return readFilter(json);
}

/** The filter in a parsed JSON value. @throws FILTER_INVALID */
export function readFilter(json: unknown): Filter {
  let conditions = 0;
  let values = 0;

  const object = (json: unknown, depth: number): Filter => {
    if (depth > maxDepth) return refuse(`it is nested deeper than ${maxDepth}`);
    if (!isObject(json)) return refuse(`${show(json)} is not an object such as {"label": "fruits"}`);
    return all(Object.entries(json).flatMap(([key, value]) => entry(key, value, depth)));
  };

  const entry = (key: string, value: unknown, depth: number): Filter[] => {
    if (++conditions > maxConditions) refuse(`it has more than ${maxConditions} conditions`);
    if (key === '$not') return [{ kind: 'not', of: object(value, depth + 1) }];
    if (!key.startsWith('$')) {
      if (isObject(value)) for (const list of Object.values(value)) if (Array.isArray(list)) values += list.length;
      if (values > maxAllValues) refuse(`its lists have more than ${maxAllValues} values in all`);
      return field(key, value);
    }
    if (!connectives.includes(key)) return refuse(`between conditions, the operator ${unknownName(key, connectives)}`);
    if (!Array.isArray(value) || value.length === 0) return refuse(`${key} takes a list of conditions`);
    if (value.length > maxConditions) refuse(`${key} has more than ${maxConditions} conditions`);
    const of = value.map(element => object(element, depth + 1));
    if (key === '$and') return [all(of)];
    return [key === '$or' ? { kind: 'any', of } : { kind: 'not', of: { kind: 'any', of } }];
  };

  const filter = object(json, 1);
  if (JSON.stringify(filter).length > maxLength) refuse(`it is longer than ${maxLength / 1024} KiB as text`);
  return filter;
}

/** `camera.make` leads into the object `camera`. @throws FILTER_INVALID */
export function fieldPath(name: string): string[] {
  const path = name.split('.');
  if (!fieldSchema.safeParse(name).success || path.includes('')) refuse(`${show(name)} is not the name of a field`);
  return path;
}

function field(name: string, value: unknown): Filter[] {
  const path = fieldPath(name);
  if (!isObject(value)) {
    const equal = scalar.safeParse(value);
    if (!equal.success) refuse(`${name}: ${show(value)} is not a value; lists go into $in`);
    return [{ kind: 'in', path, values: [equal.data!] }];
  }
  const parsed = operatorsSchema.safeParse(value);
  if (!parsed.success) return wrongOperators(name, parsed.error.issues[0]!);
  const { $eq, $ne, $in, $nin, $exists } = parsed.data;
  const one = (values: readonly Scalar[]): Filter => ({ kind: 'in', path, values });
  const not = (of: Filter): Filter => ({ kind: 'not', of });
  const filters: Filter[] = [];
  if ($eq !== undefined) filters.push(one([$eq]));
  if ($in) filters.push(one($in));
  if ($ne !== undefined) filters.push(not(one([$ne])));
  if ($nin) filters.push(not(one($nin)));
  if ($exists !== undefined) filters.push($exists ? { kind: 'exists', path } : not({ kind: 'exists', path }));
  const given = Object.fromEntries(
    bounds.flatMap(key => (parsed.data[key] === undefined ? [] : [[key, parsed.data[key]]])),
  );
  if (new Set(Object.values(given).map(value => typeof value)).size > 1)
    refuse(`${name}: the bounds of a range are all numbers or all text`);
  if (Object.keys(given).length > 0) filters.push({ kind: 'range', path, bounds: given });
  if (filters.length === 0) refuse(`${name}: {} says nothing; such as {"$gte": 2000} would`);
  return filters;
}

function wrongOperators(name: string, issue: z.core.$ZodIssue): never {
  if (issue.code !== 'unrecognized_keys') return refuse(`${name}: ${issue.path.join('.')}: ${issue.message}`);
  const key = issue.keys[0]!;
  if (connectives.includes(key)) return refuse(`${name}: ${key} stands around conditions, not inside one`);
  const operator = unknownName(key, Object.keys(operatorsSchema.shape));
  return refuse(`${name}: the operator ${operator} (dots lead into objects: "${name}.…")`);
}

const all = (of: readonly Filter[]): Filter => (of.length === 1 ? of[0]! : { kind: 'all', of });

const isObject = (json: unknown): json is Readonly<Record<string, unknown>> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

/** For an error, cut short: what is no object. */
function show(json: unknown): string {
  if (Array.isArray(json)) return 'a list';
  const text = typeof json === 'string' ? JSON.stringify(json.slice(0, 60)) : String(json);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function refuse(reason: string): never {
  throw new MatvitError('FILTER_INVALID', reason);
}
