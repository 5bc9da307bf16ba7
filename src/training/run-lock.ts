import { type WriteLock, acquireWriteLock } from '../catalogue/write-lock.js';
import { MatvitError } from '../errors.js';

/** Takes the one right to train into a folder, which is there. @throws RUN_LOCKED, STORAGE_FAILED */
export function lockRun(out: string): WriteLock {
  try {
    return acquireWriteLock(out, 'run');
  } catch (error) {
    if (!(error instanceof MatvitError && error.code === 'INDEX_LOCKED')) throw error;
    throw new MatvitError('RUN_LOCKED', `${out}; wait for it or end it`, { cause: error });
  }
}
