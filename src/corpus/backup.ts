/**
 * A backup is one file: a tar of `backup.json` (what it is, and the SHA-256 of the rest), the catalogue as it was at one
 * moment, the snapshot of the graph and the calibration, if there were any. It can be made while others read and write
 * the index.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import { z } from 'zod';
import { Catalogue } from '../catalogue/catalogue.js';
import { MatvitError, storageFailed } from '../errors.js';
import { hashFile } from '../index/hash-file.js';
import { readManifest, writeManifest } from '../index/manifest.js';
import { syncFolder } from '../model/sync-folder.js';
import { calibrationFile } from '../planner/calibration.js';
import { type TemporaryFolder, makeTemporaryFolder } from '../temporary-folder.js';

const backupSchema = z.object({
  format: z.literal(1),
  created: z.string(),
  /** of the model that made the vectors */
  fingerprint: z.string(),
  images: z.number(),
  revision: z.number(),
  files: z.array(
    z.object({
      name: z.string().regex(/^(catalogue\.sqlite|manifest\.json|graph-[0-9a-f]{16}\.hnsw|calibration\.json)$/),
      bytes: z.number(),
      sha256: z.string(),
    }),
  ),
});

export type Backup = z.infer<typeof backupSchema>;

/**
 * Replaces a backup that is there already, and nothing else.
 * @throws INDEX_MISSING, CATALOGUE_CORRUPT, OPTION_INVALID, STORAGE_FAILED, with nothing left of `file`
 */
export async function createBackup(folder: string, file: string): Promise<Backup> {
  await checkPlace(folder, file);
  const catalogue = Catalogue.openForReading(join(folder, 'catalogue.sqlite'));
  const { fingerprint } = catalogue;
  try {
    return await besides(file, async temporary => {
      // the graph first: the catalogue is then at least as new, and opening replays what lies between
      const names = [...(await copyGraph(folder, temporary)), ...(await copyCalibration(folder, temporary))];
      catalogue.copyTo(join(temporary, 'catalogue.sqlite'));
      const copy = Catalogue.openForReading(join(temporary, 'catalogue.sqlite'));
      const { images, revision } = copy.state();
      copy.close();
      const files = await Promise.all(
        ['catalogue.sqlite', ...names].map(async name => {
          const path = join(temporary, name);
          return { name, bytes: (await stat(path)).size, sha256: await hashFile(path) };
        }),
      );
      const created = new Date().toISOString();
      const backup: Backup = { format: 1, created, fingerprint, images, revision, files };
      await writeTar(join(temporary, 'backup.tar'), temporary, backup);
      await rename(join(temporary, 'backup.tar'), file);
      await syncFolder(dirname(file));
      return backup;
    });
  } finally {
    catalogue.close();
  }
}

/**
 * Makes an index from a backup, in a folder that has none. It is a catalogue of its own from then on.
 * @throws FILE_UNREADABLE, INDEX_CORRUPT, INDEX_EXISTS, STORAGE_FAILED, with nothing left of `folder`
 */
export async function restoreBackup(file: string, folder: string): Promise<Backup> {
  if (!existsSync(file)) throw new MatvitError('FILE_UNREADABLE', `${file} does not exist`);
  if (statSync(file).isDirectory()) throw new MatvitError('FILE_UNREADABLE', `${file} is a folder`);
  return besides(folder, async temporary => {
    if (existsSync(folder) && (await readdir(folder)).length > 0)
      throw new MatvitError('INDEX_EXISTS', `${folder} is not empty; restore into another folder`);
    const content = join(temporary, 'index');
    await mkdir(content);
    const backup = await readTar(file, content);
    const id = Catalogue.renew(join(content, 'catalogue.sqlite'));
    if (existsSync(join(content, 'manifest.json')))
      await writeManifest(content, { ...(await readManifest(content)), catalogue: id });
    for (const name of await readdir(content)) await sync(join(content, name));
    await syncFolder(content);
    if (existsSync(folder)) await rmdir(folder);
    await rename(content, folder);
    await syncFolder(dirname(resolve(folder)));
    return backup;
  });
}

/** Nothing of an index is replaced, nor any other file that is no backup. @throws OPTION_INVALID, STORAGE_FAILED */
async function checkPlace(folder: string, file: string): Promise<void> {
  if (dirname(resolve(file)) === resolve(folder))
    throw new MatvitError('OPTION_INVALID', `${file} would lie in the index's own folder`);
  const name = 'backup.json'; // a tar begins with the name of its first file
  const start = await readStart(file, name.length);
  if (start && start.toString('latin1') !== name)
    throw new MatvitError('OPTION_INVALID', `${file} exists and is no backup`);
}

/** The first bytes of a file; undefined if it is empty, or not there. @throws STORAGE_FAILED if it cannot be read */
async function readStart(file: string, length: number): Promise<Buffer | undefined> {
  try {
    const opened = await open(file);
    const { buffer, bytesRead } = await opened.read(Buffer.alloc(length)).finally(() => opened.close());
    return bytesRead > 0 ? buffer.subarray(0, bytesRead) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw storageFailed(file, error);
  }
}

/** Lets `work` use a folder beside `path`, so that renaming is atomic. */
async function besides<T>(path: string, work: (temporary: string) => Promise<T>): Promise<T> {
  let temporary: TemporaryFolder | undefined;
  try {
    const parent = dirname(resolve(path));
    await mkdir(parent, { recursive: true });
    temporary = await makeTemporaryFolder(join(parent, `.${basename(path)}-`));
    return await work(temporary.path);
  } catch (error) {
    throw storageFailed(path, error);
  } finally {
    await temporary?.remove();
  }
}

/** Copies the snapshot, of which a writer may be making a new one. @returns the names of its files */
async function copyGraph(folder: string, to: string): Promise<string[]> {
  for (let tries = 0; tries < 5; tries++)
    try {
      const manifest = await readManifest(folder);
      await pipeline(createReadStream(join(folder, manifest.file)), createWriteStream(join(to, manifest.file)));
      if ((await hashFile(join(to, manifest.file))) !== manifest.sha256) return [];
      await writeManifest(to, manifest);
      return [manifest.file, 'manifest.json'];
    } catch (error) {
      if (error instanceof MatvitError && error.code !== 'STORAGE_FAILED') return []; // none, or damaged: made again
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  return [];
}

/** @returns the name of its file, if there is one */
async function copyCalibration(folder: string, to: string): Promise<string[]> {
  try {
    await copyFile(join(folder, calibrationFile), join(to, calibrationFile));
    return [calibrationFile];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function writeTar(file: string, folder: string, backup: Backup): Promise<void> {
  const tar = pack();
  const written = pipeline(tar, createWriteStream(file, { flags: 'wx' }));
  const add = async () => {
    const text = JSON.stringify(backup);
    tar.entry({ name: 'backup.json' }, `${text}\n${sha256(text)}\n`);
    for (const { name, bytes } of backup.files)
      await pipeline(createReadStream(join(folder, name)), tar.entry({ name, size: bytes }));
    tar.finalize();
  };
  await Promise.all([add(), written]);
  await sync(file);
}

/** bytes of backup.json: it names a handful of files */
const maxHeader = 65_536;

/** Extracts and verifies. */
async function readTar(file: string, folder: string): Promise<Backup> {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new MatvitError('INDEX_CORRUPT', `${file} ${reason}`, { cause });
  };
  let backup: Backup | undefined;
  const found = new Set<string>();
  const tar = extract();
  const input = pipeline(createReadStream(file), tar);
  input.catch(() => undefined);
  try {
    for await (const entry of tar) {
      const { name, size = 0 } = entry.header;
      if (!backup) {
        if (name !== 'backup.json' || size > maxHeader) refuse('is not a backup');
        const chunks: Buffer[] = [];
        for await (const chunk of entry) chunks.push(chunk as Buffer);
        const [text = '', check] = Buffer.concat(chunks).toString().split('\n');
        if (check !== sha256(text)) refuse('is damaged: backup.json');
        backup = backupSchema.parse(JSON.parse(text));
      } else if (backup.files.some(file => file.name === name)) {
        await pipeline(entry, createWriteStream(join(folder, name), { flags: 'wx' }));
        found.add(name);
      } else refuse(`holds ${name}, which it does not announce`);
    }
    await input;
  } catch (error) {
    if (error instanceof MatvitError || (error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    refuse('is not a backup, or is damaged', error);
  }
  if (!backup?.files.some(({ name }) => name === 'catalogue.sqlite')) return refuse('is not a backup');
  for (const { name, sha256 } of backup.files)
    if (!found.has(name) || (await hashFile(join(folder, name))) !== sha256) refuse(`is damaged: ${name}`);
  return backup;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
