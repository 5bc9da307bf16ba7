/** Graphs on disk: written whole or not at all, verified before hnswlib opens them. */
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MatvitError, reasonOf, storageFailed } from '../errors.js';
import { syncFolder } from '../model/sync-folder.js';
import { unfinishedSuffix } from '../model/write-file-atomic.js';
import { hashFile } from './hash-file.js';
import { HnswIndex } from './hnsw.js';
import { type Manifest, readManifest, writeManifest } from './manifest.js';

/** What a graph must have been derived from. */
export type Source = Pick<Manifest, 'dimension' | 'fingerprint' | 'catalogue'>;

/** older graphs, and manifests that a crash left half-written */
const leftBehind = new RegExp(`^(graph-.*\\.hnsw|manifest\\.json${unfinishedSuffix})$`);

/**
 * Writes `index` into `folder`: the graph to a temporary name, flushed, renamed; then the manifest; then older graphs
 * are deleted. A crash at any moment leaves the old snapshot or the new one. One caller a folder at a time.
 * @param revision of the catalogue that the index reflects, or is ahead of: replaying a change twice does no harm
 * @throws STORAGE_FAILED, with the old snapshot in place
 */
export async function saveSnapshot(folder: string, index: HnswIndex, source: Source, revision: number): Promise<void> {
  const temporary = join(folder, 'graph.tmp');
  try {
    await rm(temporary, { force: true }); // a crash may have left one, and hnswlib does not say when it writes nothing
    const count = await index.write(temporary);
    const bytes = await sync(temporary);
    const sha256 = await hashFile(temporary);
    const file = `graph-${sha256.slice(0, 16)}.hnsw`;
    await rename(temporary, join(folder, file));
    await syncFolder(folder); // no manifest without its graph
    await writeManifest(folder, { format: 1, file, bytes, sha256, space: 'ip', count, revision, ...source });
    for (const name of await readdir(folder))
      if (leftBehind.test(name) && name !== file) await rm(join(folder, name), { force: true });
  } catch (error) {
    await rm(temporary, { force: true });
    throw storageFailed(folder, error);
  }
}

/** A snapshot whose graph a thread is reading. */
export interface Reading {
  readonly manifest: Manifest;
  readonly graph: Promise<HnswIndex>;
}

/** Begins to read the snapshot in `folder`, for `openSnapshot` or `discard`. @throws INDEX_MISSING, INDEX_CORRUPT */
export async function readSnapshot(folder: string): Promise<Reading> {
  const manifest = await readManifest(folder);
  const graph = HnswIndex.load(join(folder, manifest.file), manifest);
  graph.catch(() => undefined); // whoever opens it will see
  return { manifest, graph };
}

/** Lets no thread live on. */
export async function discard(reading: Promise<Reading>): Promise<void> {
  const graph = await reading.then(({ graph }) => graph).catch(() => undefined);
  await graph?.close();
}

/**
 * Opens the snapshot in `folder`.
 * @param reading it, since before
 * @throws INDEX_MISSING (no manifest), INDEX_CORRUPT (damaged, or of another catalogue), MODEL_MISMATCH
 */
export async function openSnapshot(
  folder: string,
  source: Source,
  reading = readSnapshot(folder),
): Promise<{ index: HnswIndex; revision: number }> {
  const { manifest } = await reading;
  try {
    return await openGraph(folder, reading, source);
  } catch (error) {
    await discard(reading);
    // a writer may have replaced both since
    if ((await readManifest(folder)).file === manifest.file) throw error;
    const newer = readSnapshot(folder);
    return openGraph(folder, newer, source).catch(async (error: unknown) => {
      await discard(newer);
      throw error;
    });
  }
}

async function openGraph(folder: string, reading: Promise<Reading>, source: Source) {
  const { manifest, graph } = await reading;
  const path = join(folder, manifest.file);
  const refuse = (reason: string, cause?: unknown): never => {
    throw new MatvitError('INDEX_CORRUPT', `${path} ${reason}`, { cause });
  };
  if (manifest.fingerprint !== source.fingerprint)
    throw new MatvitError('MODEL_MISMATCH', `${path} was made with ${manifest.fingerprint}, not ${source.fingerprint}`);
  if (manifest.catalogue !== source.catalogue) refuse('belongs to another catalogue');
  if (manifest.dimension !== source.dimension) refuse(`has ${manifest.dimension} dimensions, not ${source.dimension}`);
  try {
    return { index: await graph, revision: manifest.revision };
  } catch (error) {
    return refuse(`cannot be read: ${error instanceof MatvitError ? error.detail : reasonOf(error)}`, error);
  }
}

/**
 * Flushes a graph to disk and returns its length. hnswlib does not notice writes that fail, so the file is walked: a
 * header of 96 bytes, the nodes, then for each node a length and as many bytes of upper links, to the last byte.
 * @throws STORAGE_FAILED
 */
async function sync(path: string): Promise<number> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
    const { size } = await file.stat();
    const header = Buffer.alloc(32);
    await file.read(header, 0, 32, 0);
    const nodes = Number(header.readBigUInt64LE(16));
    const start = 96 + nodes * Number(header.readBigUInt64LE(24));
    const links = Buffer.alloc(Math.max(0, size - start));
    await file.read(links, 0, links.length, start);
    let at = 0;
    for (let node = 0; node < nodes && at + 4 <= links.length; node++) at += 4 + links.readUInt32LE(at);
    if (size < 96 || start + at !== size || (nodes > 0 && at < 4 * nodes))
      throw new MatvitError('STORAGE_FAILED', `${path} could not be written whole (is the disk full?)`);
    return size;
  } finally {
    await file.close();
  }
}
