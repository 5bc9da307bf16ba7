import { Command, Option } from 'commander';
import { type Access, KeyRing, accesses } from '../src/service/keys.js';
import { readConfig } from '../src/config.js';
import { jsonOption } from './cli.js';
import { withExample } from './output.js';

const fileOption = () => new Option('--keys <file>', 'file of keys (default: as `matvit config` says)');
const ring = ({ keys }: { keys?: string }) =>
  KeyRing.open(readConfig({ flags: { keys }, environment: process.env }).config.keys);
const print = (text: string) => process.stdout.write(`${text}\n`);

export const keysCommand = withExample(
  new Command('keys').description('API keys of the service'),
  'keys add shop',
).addHelpText('after', '\nA running service reads them again when it is sent SIGHUP.');

withExample(keysCommand.command('add'), 'keys add shop --access read')
  .description('make a key and print it, once: only its hash is kept')
  .argument('<name>', 'for logs and for removing it')
  .addOption(new Option('--access <access>', 'write includes read').choices(accesses).default('read'))
  .addOption(fileOption())
  .action(async (name: string, options: { access: Access; keys?: string }) => {
    print(await ring(options).add(name, options.access));
  });

withExample(keysCommand.command('list'), 'keys list')
  .description('print names, access and age')
  .addOption(fileOption())
  .addOption(jsonOption())
  .action((options: { keys?: string; json: boolean }) => {
    const keys = ring(options)
      .list()
      .map(({ name, access, created }) => ({ name, access, created }));
    if (options.json) print(JSON.stringify({ keys }));
    else if (keys.length === 0) print('there are no keys');
    else keys.forEach(({ name, access, created }) => print(`${name.padEnd(24)} ${access.padEnd(6)} ${created}`));
  });

withExample(keysCommand.command('remove'), 'keys remove shop')
  .description('remove a key')
  .argument('<name>')
  .addOption(fileOption())
  .action((name: string, options: { keys?: string }) => ring(options).remove(name));
