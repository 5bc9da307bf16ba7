#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { storageFailed } from '../src/errors.js';
import { plainSwitches, report, throwOnMisuse } from './cli.js';
import { commands } from './commands.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

const program = new Command('matvit')
  .version(version)
  .description(
    'Adaptive image retrieval with one nested vision transformer: the corpus is embedded with all of it, ' +
      'each query with whichever part fits the time it has, against the same index.',
  )
  .addHelpText(
    'after',
    `
An operating point is submodel @ resolution : precision, such as XL@96:int8 or M6-L6@160.
Start with:
  $ matvit demo
  $ matvit index photos/ && matvit search one.jpg`,
  );
for (const command of commands) program.addCommand(command);
throwOnMisuse(program);
plainSwitches(program);

// `matvit … | head` closes the pipe early: what would still be printed is not wanted, but the work is
let isBroken = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && !isBroken) report(storageFailed('standard output', error));
  isBroken = true;
});
process.stderr.on('error', () => undefined); // nobody is left to tell

try {
  await program.parseAsync();
} catch (error) {
  report(error);
}
