/** A backup made in a thread of its own, since copying a catalogue holds up the thread that does it. */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { type ErrorCode, MatvitError, reasonOf } from '../errors.js';
import { type Backup, createBackup } from './backup.js';

interface Order {
  readonly folder: string;
  readonly file: string;
}
type Reply = { readonly backup: Backup } | { readonly code: ErrorCode; readonly detail: string };

/** @param signal gives up, and leaves nothing behind but in the folder of `file` @throws what createBackup does */
export function createBackupAside(folder: string, file: string, signal?: AbortSignal): Promise<Backup> {
  return new Promise((resolve, reject) => {
    const order: Order = { folder, file };
    const worker = new Worker(new URL(import.meta.url), { workerData: { backup: order }, execArgv: [] });
    const giveUp = () => void worker.terminate();
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp);
    worker.once('message', (reply: Reply) => {
      if ('backup' in reply) resolve(reply.backup);
      else reject(new MatvitError(reply.code, reply.detail));
    });
    worker.once('error', reject);
    worker.once('exit', () => {
      signal?.removeEventListener('abort', giveUp);
      reject(new MatvitError('INDEX_FAILED', 'the thread that made the backup ended')); // unless there was a reply
    });
  });
}

const { backup: order } = (workerData ?? {}) as { backup?: Order };
if (!isMainThread && order)
  createBackup(order.folder, order.file).then(
    backup => parentPort!.postMessage({ backup } satisfies Reply),
    (error: unknown) => {
      const known = error instanceof MatvitError ? error : new MatvitError('STORAGE_FAILED', reasonOf(error));
      parentPort!.postMessage({ code: known.code, detail: known.detail } satisfies Reply);
    },
  );
