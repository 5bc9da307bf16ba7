/** The manifest of a graph on disk: what it is, what it was made from, and how to tell that it is whole. */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MatvitError, reasonOf, storageFailed } from '../errors.js';
import { syncFolder } from '../model/sync-folder.js';
import { writeFileAtomic } from '../model/write-file-atomic.js';

const manifestSchema = z.strictObject({
  /** of this file and of the graph's */
  format: z.literal(1),
  /** the graph's file name: its SHA-256 is part of it, so that a new graph never overwrites the one in use */
  file: z.string().regex(/^graph-[0-9a-f]{16}\.hnsw$/),
  bytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  space: z.literal('ip'),
  dimension: z.int().positive(),
  /** vectors in the graph, without deleted ones */
  count: z.int().nonnegative(),
  /** of the model that made the vectors */
  fingerprint: z.string(),
  /** id of the catalogue that the graph was derived from */
  catalogue: z.string(),
  /** revision of the catalogue that the graph reflects */
  revision: z.int().nonnegative(),
});

export type Manifest = z.infer<typeof manifestSchema>;

const manifestName = 'manifest.json';

/** The commit point of a snapshot: until the manifest has been renamed into place, the old one holds. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const text = JSON.stringify({ ...manifest, check: checksum(manifest) }, null, 2);
  await writeFileAtomic(join(folder, manifestName), `${text}\n`);
}

/** From then on there is no snapshot. @throws STORAGE_FAILED */
export async function removeManifest(folder: string): Promise<void> {
  const path = join(folder, manifestName);
  try {
    await rm(path, { force: true });
    await syncFolder(folder);
  } catch (error) {
    throw storageFailed(path, error);
  }
}

/** @throws INDEX_MISSING, INDEX_CORRUPT */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, manifestName);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new MatvitError('INDEX_MISSING', `${path}: ${reasonOf(error)}`, { cause: error });
  }
  let check: unknown;
  let manifest: Manifest;
  try {
    const { check: stored, ...rest } = JSON.parse(text) as Record<string, unknown>;
    check = stored;
    manifest = manifestSchema.parse(rest);
  } catch (error) {
    throw new MatvitError('INDEX_CORRUPT', `${path} is not a manifest of format 1`, { cause: error });
  }
  if (check !== checksum(manifest)) throw new MatvitError('INDEX_CORRUPT', `${path} does not fit its own checksum`);
  return manifest;
}

/** Over the fields in the schema's order, whatever order they were given or read in. */
function checksum(manifest: Manifest): string {
  const ordered = Object.keys(manifestSchema.shape).map(key => manifest[key as keyof Manifest]);
  return createHash('sha256').update(JSON.stringify(ordered)).digest('hex');
}
