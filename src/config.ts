/**
 * The service's configuration: read once, from the flags, the environment and one file, in this order of precedence,
 * into a frozen record. Unknown keys are refused.
 */
import { readFileSync } from 'node:fs';
import { type Setting, type Settings, settings } from './settings.js';
import { MatvitError, reasonOf } from './errors.js';
import { unknownName } from './nearest.js';

export type Config = Readonly<{ [Name in keyof Settings]: Settings[Name] extends Setting<infer T> ? T : never }>;
export type ConfigKey = keyof Config;

/** Where a value comes from: `default`, a flag, a variable or a file. */
export type Origins = Readonly<Record<ConfigKey, string>>;

export interface ConfigSources {
  /** what the command line gave, by key; text, or values of their type */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const keys = Object.keys(settings) as ConfigKey[];
const prefix = 'MATVIT_';

/** maxPixels -> max-pixels */
export const flagOf = (key: string): string => key.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);

/** maxPixels -> MATVIT_MAX_PIXELS */
const variableOf = (key: string): string => prefix + flagOf(key).replaceAll('-', '_').toUpperCase();

/** @throws OPTION_INVALID naming the value and where it came from; FILE_UNREADABLE for the file */
export function readConfig(sources: ConfigSources = {}): { config: Config; origins: Origins } {
  const find = finder(sources);
  const config: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const key of keys) {
    const { value, origin, place } = find(key);
    config[key] = value === undefined ? settings[key].fallback : parseSetting(key, value, place);
    origins[key] = origin;
  }
  return { config: Object.freeze(config) as Config, origins: Object.freeze(origins) };
}

/** One setting, whatever the values of the others are. @throws as readConfig */
export function readSetting<Key extends ConfigKey>(key: Key, sources: ConfigSources): Config[Key] {
  const { value, place } = finder(sources)(key);
  return value === undefined ? (settings[key].fallback as Config[Key]) : parseSetting(key, value, place);
}

/** Where the value of a setting is; `place` is for messages. @throws OPTION_INVALID for unknown names, FILE_UNREADABLE */
function finder({ flags = {}, environment = {} }: ConfigSources) {
  const variables = new Map(keys.map(key => [variableOf(key), key]));
  for (const name of Object.keys(environment))
    if (name.startsWith(prefix) && name !== `${prefix}CONFIG` && !variables.has(name))
      throw new MatvitError('OPTION_INVALID', `environment: ${unknownName(name, [...variables.keys()])}`);
  const file = (flags['config'] as string | undefined) ?? environment[`${prefix}CONFIG`];
  if (file === '') throw new MatvitError('OPTION_INVALID', `--config or ${prefix}CONFIG is empty`);
  const inFile = file === undefined ? {} : readFile(file);
  return (key: ConfigKey): { value: unknown; origin: string; place: string } => {
    const sources: [value: unknown, origin: string, place?: string][] = [
      [flags[key], `--${flagOf(key)}`],
      [environment[variableOf(key)], variableOf(key)],
      [inFile[key], file ?? '', `${file}: ${key}`],
    ];
    const [value, origin, place = origin] = sources.find(([value]) => value !== undefined) ?? [undefined, 'default'];
    return { value, origin, place };
  };
}

/** @param value text, or of its type @param place what messages call it @throws OPTION_INVALID */
export function parseSetting<Key extends ConfigKey>(key: Key, value: unknown, place = `--${flagOf(key)}`): Config[Key] {
  const { schema, fromText, expected } = settings[key] as Setting<unknown>;
  const result = schema.safeParse(typeof value === 'string' ? fromText(value) : value);
  if (result.success) return Object.freeze(result.data) as Config[Key];
  const issue = result.error.issues[0]!;
  const reason = issue.code === 'custom' ? issue.message : `${shown(value)} is not ${expected}`;
  throw new MatvitError('OPTION_INVALID', `${place}: ${reason}`);
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
  return text.length > 100 ? `a text of ${text.length} characters` : text;
}

function readFile(file: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const code = error instanceof SyntaxError ? 'OPTION_INVALID' : 'FILE_UNREADABLE';
    throw new MatvitError(code, `${file}: ${reasonOf(error)}`, { cause: error });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new MatvitError('OPTION_INVALID', `${file} is not a JSON object`);
  for (const key of Object.keys(content))
    if (!Object.hasOwn(settings, key)) throw new MatvitError('OPTION_INVALID', `${file}: ${unknownName(key, keys)}`);
  return content as Record<string, unknown>;
}
