import assert from 'node:assert/strict';
import { type FileHandle, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { createBackup, restoreBackup } from '../../src/corpus/backup.js';
import { ImageIndex } from '../../src/corpus/image-index.js';
import { syncFolder } from '../../src/model/sync-folder.js';
import { writeFileAtomic } from '../../src/model/write-file-atomic.js';
import { temporaryFolder } from '../support/temporary.js';

describe('syncFolder', () => {
  const inFolder = temporaryFolder();

  /** Folders that are flushed while `action` runs, by inode. */
  async function flushedBy(action: () => Promise<unknown>): Promise<number[]> {
    const handle = await open(inFolder('.'));
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const { sync } = prototype; // eslint-disable-line @typescript-eslint/unbound-method -- it is put back
    const flushed: number[] = [];
    prototype.sync = async function (this: FileHandle) {
      const status = await this.stat();
      if (status.isDirectory()) flushed.push(status.ino);
      return sync.call(this);
    };
    try {
      await action();
    } finally {
      prototype.sync = sync;
    }
    return flushed;
  }
  const inode = async (path: string) => {
    const handle = await open(path);
    const { ino } = await handle.stat().finally(() => handle.close());
    return ino;
  };

  it('comes after whatever is renamed into place: files, backups, indexes', async function () {
    if (process.platform === 'win32') this.skip();
    await mkdir(inFolder('a'));
    const a = await inode(inFolder('a'));
    assert.deepEqual(await flushedBy(() => writeFileAtomic(inFolder('a/file'), 'x')), [a]);
    assert.equal(await readFile(inFolder('a/file'), 'utf8'), 'x');
    const index = await ImageIndex.openForWriting(inFolder('index'), { fingerprint: 'f', dimension: 2 });
    assert.ok((await flushedBy(() => index.save())).includes(await inode(inFolder('index'))));
    await index.close();
    assert.ok((await flushedBy(() => createBackup(inFolder('index'), inFolder('a/backup')))).includes(a));
    const flushed = await flushedBy(() => restoreBackup(inFolder('a/backup'), inFolder('a/restored')));
    assert.equal(flushed.at(-1), a);
    assert.equal(flushed.at(-2), await inode(inFolder('a/restored')));
  });

  it('does without on what is no folder to flush, but reports what goes wrong', async () => {
    await writeFile(inFolder('file'), '');
    await syncFolder(inFolder('file'));
    await assert.rejects(syncFolder(inFolder('none')), { code: 'ENOENT' });
  });
});
