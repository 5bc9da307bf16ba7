import { Command, Option } from 'commander';
import { type ConfigKey, flagOf, readConfig } from '../src/config.js';
import { type Setting, settings } from '../src/settings.js';
import { isPostgres, printableAddress } from '../src/catalogue/postgres.js';
import { jsonOption } from './cli.js';
import { print } from './output.js';

/** Without the password of a database. */
const withoutSecret = (value: unknown): unknown =>
  typeof value === 'string' && isPostgres(value) ? printableAddress(value) : value;
const shown = (value: unknown): string =>
  typeof value === 'string' ? value : Array.isArray(value) ? value.join(',') : (JSON.stringify(value) ?? '');

/** A flag for every setting; what is not given stays undefined, for the other sources to decide. */
export function addSettings(command: Command, keys = Object.keys(settings) as ConfigKey[]): Command {
  for (const key of keys) {
    const { placeholder, help, fallback, fallbackName = shown(fallback) } = settings[key] as Setting<unknown>;
    const note = fallbackName === '' || fallback === false ? '' : ` (default: ${fallbackName})`;
    command.addOption(new Option(`--${flagOf(key)}${placeholder ? ` <${placeholder}>` : ''}`, help + note));
  }
  return command.addOption(new Option('--config <file>', 'JSON file of settings, such as {"maxPixels": 16000000}'));
}

export const configCommand = addSettings(new Command('config'))
  .description('print the settings that `matvit serve` would run with, and where each comes from')
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
A flag goes before the environment (MATVIT_MAX_PIXELS for --max-pixels), that before the file, that before the default.

Example:
  $ MATVIT_PORT=8080 matvit config --rate-limit 600`,
  )
  .action(({ json, ...flags }: { json: boolean } & Record<string, unknown>) => {
    const { config, origins } = readConfig({ flags, environment: process.env });
    const entries = (Object.keys(config) as ConfigKey[]).map(
      key => [key, withoutSecret(config[key]), origins[key]] as const,
    );
    const byKey = Object.fromEntries(entries.map(([key, value, origin]) => [key, { value: value ?? null, origin }]));
    print(byKey, json, () =>
      entries.map(([key, value, origin]) => `${key.padEnd(16)} ${shown(value).padEnd(40)} ${origin}`).join('\n'),
    );
  });
