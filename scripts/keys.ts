import { Command, Option } from 'commander';
import { type Access, KeyRing, type StoredKey, accesses } from '../src/service/keys.js';
import { readSetting } from '../src/config.js';
import { jsonOption } from './cli.js';
import { addSettings } from './config.js';
import { print, withExample } from './output.js';

interface Options {
  keys?: string;
  config?: string;
}

/** The file that `matvit serve` reads with the same options. */
const ring = ({ keys, config }: Options) =>
  KeyRing.open(readSetting('keys', { flags: { keys, config }, environment: process.env }));

const table = (keys: readonly Omit<StoredKey, 'sha256'>[]) =>
  keys.length === 0
    ? 'there are no keys'
    : keys.map(({ name, access, created }) => `${name.padEnd(24)} ${access.padEnd(6)} ${created}`).join('\n');

export const keysCommand = withExample(
  new Command('keys').description('API keys of the service'),
  'keys add shop',
).addHelpText('after', '\nA running service reads them again when it is sent SIGHUP.');

addSettings(withExample(keysCommand.command('add'), 'keys add shop --access read'), ['keys'])
  .description('make a key and print it, once: only its hash is kept')
  .argument('<name>', 'for logs and for removing it')
  .addOption(new Option('--access <access>', 'write includes read').choices(accesses).default('read'))
  .action(async (name: string, options: Options & { access: Access }) => {
    process.stdout.write(`${await ring(options).add(name, options.access)}\n`);
  });

addSettings(withExample(keysCommand.command('list'), 'keys list'), ['keys'])
  .description('print names, access and age')
  .addOption(jsonOption())
  .action((options: Options & { json: boolean }) => {
    const keys = ring(options)
      .list()
      .map(({ name, access, created }) => ({ name, access, created }));
    print({ keys }, options.json, () => table(keys));
  });

addSettings(withExample(keysCommand.command('remove'), 'keys remove shop'), ['keys'])
  .description('remove a key')
  .argument('<name>')
  .action((name: string, options: Options) => ring(options).remove(name));
