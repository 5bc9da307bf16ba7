import { Command } from 'commander';
import { type Backup, createBackup, restoreBackup } from '../src/corpus/backup.js';
import { indexOption, jsonOption } from './cli.js';
import { refusePostgres } from './open-index.js';
import { print, withExample } from './output.js';

interface Options {
  index: string;
  json: boolean;
}

const where = 'here; pg_dump backs a database up';

function describe({ images, files, created }: Backup): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return `${images} pictures, ${(bytes / 1e6).toFixed(1)} MB, made ${created}`;
}

export const snapshotCommand = new Command('snapshot')
  .description('back an index up into one file, and restore it')
  .addHelpText(
    'after',
    `
Examples:
  $ matvit snapshot create photos.matvit --index indexes/photos     # while it is searched and written to
  $ matvit snapshot restore photos.matvit --index indexes/restored`,
  );

withExample(snapshotCommand.command('create'), 'snapshot create photos.matvit --index indexes/photos')
  .description('write an index into one file; it may be in use')
  .argument('<file>', 'to write')
  .addOption(indexOption())
  .addOption(jsonOption())
  .action(async (file: string, { index, json }: Options) => {
    refusePostgres(index, where);
    print(await createBackup(index, file), json, describe);
  });

withExample(snapshotCommand.command('restore'), 'snapshot restore photos.matvit --index indexes/restored')
  .description('make an index from such a file, in a folder that has none')
  .argument('<file>', 'to read; it is verified first')
  .addOption(indexOption())
  .addOption(jsonOption())
  .action(async (file: string, { index, json }: Options) => {
    refusePostgres(index, where);
    print(await restoreBackup(file, index), json, describe);
  });
