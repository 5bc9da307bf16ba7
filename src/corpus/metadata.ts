/** What is known about pictures besides their pixels: their folder's name, or a file of metadata. */
import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import type { Json, Metadata } from '../catalogue/image.js';
import { MatvitError, reasonOf } from '../errors.js';

/** The label of a picture is the name of the folder it is in; those in the corpus root itself have none. */
export function folderMetadata(path: string): Metadata {
  const folder = posix.basename(posix.dirname(path));
  return folder === '.' ? {} : { label: folder };
}

/**
 * Reads metadata keyed by path: CSV with a header, one column of which is `path` (`.csv`), or one JSON object a line
 * with a `path` (`.jsonl`, `.ndjson`). Values of CSV that are written like JSON numbers or booleans become those, but
 * `label` stays text; empty ones are left out.
 * @returns by path relative to the corpus root, with slashes
 * @throws FILE_UNREADABLE, METADATA_INVALID with the line
 */
export async function readMetadata(file: string): Promise<Map<string, Metadata>> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    const code = error instanceof TypeError ? 'METADATA_INVALID' : 'FILE_UNREADABLE';
    throw new MatvitError(code, `${file}: ${reasonOf(error)}`, { cause: error });
  }
  const read = { '.csv': csvRows, '.jsonl': jsonRows, '.ndjson': jsonRows }[posix.extname(file).toLowerCase()];
  if (!read) throw new MatvitError('METADATA_INVALID', `${file} is named neither .csv nor .jsonl`);
  const result = new Map<string, Metadata>();
  for (const { line, row } of read(text, file)) {
    const { path, ...metadata } = row;
    const key = typeof path === 'string' ? relativePath(path) : undefined;
    if (key === undefined) fail(file, line, 'there is no path relative to the folder of pictures');
    else if (result.has(key)) fail(file, line, `${key} has metadata already`);
    else {
      try {
        checkMetadata(metadata);
      } catch (error) {
        fail(file, line, (error as MatvitError).detail);
      }
      result.set(key, JSON.parse(JSON.stringify(metadata)) as Metadata); // as it comes back: -0 and 1e999 do not
    }
  }
  return result;
}

interface Row {
  readonly line: number;
  readonly row: Metadata;
}

function fail(file: string, line: number, reason: string): never {
  throw new MatvitError('METADATA_INVALID', `${file}, line ${line}: ${reason}`);
}

function* jsonRows(text: string, file: string): Generator<Row> {
  let line = 0;
  for (const source of text.split('\n')) {
    line++;
    if (source.trim() === '') continue;
    let row: Json;
    try {
      row = JSON.parse(source) as Json;
    } catch (error) {
      return fail(file, line, reasonOf(error));
    }
    if (typeof row !== 'object' || row === null || Array.isArray(row)) fail(file, line, 'it is not a JSON object');
    yield { line, row: row as Metadata };
  }
}

function* csvRows(text: string, file: string): Generator<Row> {
  let rows: { record: Record<string, string>; info: { lines: number } }[];
  try {
    rows = parse(text, { columns: true, info: true, trim: true, skip_empty_lines: true });
  } catch (error) {
    if (error instanceof CsvError) return fail(file, Number(error['lines'] ?? 1), error.message);
    throw error;
  }
  for (const { record, info } of rows) {
    const values = Object.entries(record).filter(([, value]) => value !== '');
    yield { line: info.lines, row: Object.fromEntries(values.map(([key, value]) => [key, typed(key, value)])) };
  }
}

function typed(key: string, value: string): Json {
  if (key === 'path' || key === 'label') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  const isNumber = /^-?(0|[1-9]\d*)(\.\d+)?$/.test(value) && Math.abs(Number(value)) <= Number.MAX_SAFE_INTEGER;
  return isNumber ? Number(value) : value; // 007 and 20-digit codes stay text
}

/** `./a//b.jpg` is `a/b.jpg`; undefined for what lies outside, and for what is no text (half of a surrogate pair). */
export function relativePath(path: string): string | undefined {
  const normal = posix.normalize(path.replaceAll('\\', '/'));
  return normal === '.' || /^(\.\.)?(\/|$)|[\0\p{Cs}]/u.test(normal) ? undefined : normal;
}

/** As text; more belongs into a database of its own. */
const maxMetadata = 64 * 1024;
/** Lists and objects within one another; SQLite takes 1,000. */
const maxDepth = 100;

/** @throws METADATA_INVALID */
export function checkMetadata(metadata: unknown): asserts metadata is Metadata {
  const fail = (reason: string): never => {
    throw new MatvitError('METADATA_INVALID', reason);
  };
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) fail('it is not a JSON object');
  let level = [metadata as Json];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= maxDepth) fail(`it is nested deeper than ${maxDepth}`);
    if (level.length > maxMetadata) break; // each is a character at least
    level = level.flatMap(value => (typeof value === 'object' && value !== null ? Object.values<Json>(value) : []));
  }
  if (level.length > 0 || JSON.stringify(metadata).length > maxMetadata)
    fail(`it is longer than ${maxMetadata / 1024} KiB as text`);
}

/** JSON merge patch (RFC 7396): null removes a key, objects are merged, everything else replaces. */
export function mergePatch(metadata: Metadata, patch: Metadata): Metadata {
  const result: Record<string, Json> = Object.assign(Object.create(null) as object, metadata); // `__proto__` is a key too
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete result[key];
    else if (!isObject(value)) result[key] = value;
    else {
      const before = result[key];
      result[key] = mergePatch(isObject(before) ? before : {}, value);
    }
  return result;
}

const isObject = (value: Json | undefined): value is Metadata =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
