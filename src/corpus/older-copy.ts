import type { Catalogue } from '../catalogue/catalogue.js';
import { waitForWriteLock } from '../catalogue/write-lock.js';
import { readManifest, removeManifest } from '../index/manifest.js';

/**
 * Before anything is committed to a catalogue that is older than the snapshot, a copy that has been put back: takes the
 * snapshot away. Once the copy had as many revisions, though others, nothing would tell them apart.
 * @throws INDEX_LOCKED (a snapshot is being written), STORAGE_FAILED
 */
export async function removeLaterSnapshot(folder: string, catalogue: Catalogue): Promise<void> {
  const isLater = async () => {
    const manifest = await readManifest(folder).catch(() => undefined); // a doubtful one is not used anyway
    return manifest?.catalogue === catalogue.id && manifest.revision > catalogue.revision();
  };
  if (!(await isLater())) return;
  const lock = await waitForWriteLock(folder, 'snapshot', 30_000);
  try {
    if (await isLater()) await removeManifest(folder);
  } finally {
    lock.release();
  }
}
