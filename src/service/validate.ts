import { z } from 'zod';
import { MatvitError } from '../errors.js';
import { unknownName } from '../nearest.js';

/** @param where what errors call the input, such as `query` @throws REQUEST_INVALID, with the nearest known name */
export function validate<S extends z.ZodType>(schema: S, input: unknown, where: string): z.output<S> {
  const result = parsed(schema, input, where);
  if (result.success) return result.data;
  const { issues } = result.error;
  // a misspelt field explains the one that is missing
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  const place = [where, ...issue.path.map(String)].join('.');
  throw new MatvitError('REQUEST_INVALID', `${place}: ${reason(schema, issue)}`, { cause: result.error });
}

/** Schemas of JSON look into it recursively, as deep as the stack allows. */
function parsed<S extends z.ZodType>(schema: S, input: unknown, where: string): z.ZodSafeParseResult<z.output<S>> {
  try {
    return schema.safeParse(input);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new MatvitError('REQUEST_INVALID', `${where}: it is nested too deeply`, { cause: error });
  }
}

function reason(schema: z.ZodType, issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message.replace(/^Invalid input: /, '');
  const at = schemaAt(schema, issue.path);
  return unknownName(issue.keys[0]!, at instanceof z.ZodObject ? Object.keys(at.shape) : []);
}

/** The part of a schema that judges the value at a path. */
function schemaAt(schema: unknown, path: readonly PropertyKey[]): unknown {
  let at = unwrapped(schema);
  for (const key of path) {
    if (at instanceof z.ZodObject) at = (at.shape as Record<PropertyKey, unknown>)[key];
    else if (at instanceof z.ZodArray) at = at.element;
    at = unwrapped(at);
  }
  return at;
}

function unwrapped(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return unwrapped(schema.unwrap());
  if (schema instanceof z.ZodPipe) return unwrapped(schema.in);
  return schema;
}
