import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBackupAside } from '../corpus/backup-aside.js';
import { MatvitError } from '../errors.js';
import { makeTemporaryFolder } from '../temporary-folder.js';
import { onDisk } from './on-disk.js';
import { type Route, route } from './route.js';
import type { Service } from './service.js';

/**
 * A backup is made in the temporary folder first: what is sent is whole, and as the index was at one moment. It is sent
 * from a file without a name, which goes with this process however that ends.
 */
export const backupRoute = ({ jobs }: Service): Route =>
  route({
    ...{ method: 'post', path: '/v1/index/snapshot', access: 'write', operation: 'snapshot', tag: 'Index' },
    summary: 'A backup of the index as one file, which `matvit snapshot restore` takes',
    answer: { status: 200, description: 'a tar', types: ['application/x-tar'] },
    errors: [
      ...(['INDEX_READ_ONLY', 'JOB_RUNNING', 'REQUEST_ABORTED', 'INDEX_MISSING', 'FILE_UNREADABLE'] as const),
      ...(['INDEX_FAILED', 'CATALOGUE_CORRUPT', 'STORAGE_FAILED'] as const),
    ],
    async handle({ searcher: { index }, response, signal }) {
      const source = onDisk(index).folder;
      let file: FileHandle | undefined;
      const { status, done } = jobs.start('snapshot', async ({ signal: cancelled }) => {
        const temporary = await makeTemporaryFolder(join(tmpdir(), 'matvit-backup-'));
        try {
          const path = join(temporary.path, 'backup.tar');
          await createBackupAside(source, path, cancelled);
          file = await open(path);
        } finally {
          await temporary.remove();
        }
      });
      const cancel = () => jobs.cancel(status.id);
      signal.addEventListener('abort', cancel);
      try {
        const { state, error, started } = await done.finally(() => signal.removeEventListener('abort', cancel));
        if (state === 'failed') throw error!;
        if (state === 'cancelled') throw new MatvitError('REQUEST_ABORTED', 'the backup was cancelled');
        const name = `matvit-${started.slice(0, 19).replaceAll(/[:T]/g, '-')}.tar`;
        response.set('Content-Disposition', `attachment; filename="${name}"`);
        response.type('application/x-tar').set('Content-Length', String((await file!.stat()).size));
        await pipeline(file!.createReadStream(), response).catch((error: unknown) => {
          if (!signal.aborted) throw error; // whoever has left needs no answer
        });
      } finally {
        await file?.close();
      }
    },
  });
