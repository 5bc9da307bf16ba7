/** A model as it ships: a folder with model.safetensors and model.json. */
import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MatvitError, reasonOf, storageFailed } from '../errors.js';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { StoredType } from './safetensors.js';
import { syncFolder } from './sync-folder.js';
import { writeFileAtomic } from './write-file-atomic.js';

/** What model.json says beside the architecture, which the safetensors file carries too. */
export interface ModelCard {
  readonly name: string;
  readonly description: string;
  /** where the weights come from, under which licence, and how they were made */
  readonly provenance: readonly string[];
  /** the fingerprint of the weights as stored */
  readonly fingerprint?: string;
  /** that of the weights before them, only while they are being replaced */
  readonly replaces?: string;
  /** training figures and the like */
  readonly [key: string]: unknown;
}

export interface Model {
  readonly checkpoint: Checkpoint;
  readonly card: ModelCard;
}

/** @throws FILE_UNREADABLE, CHECKPOINT_CORRUPT, CHECKPOINT_MISMATCH, ARCHITECTURE_INVALID */
export async function readModel(folder: string): Promise<Model> {
  const path = join(folder, 'model.json');
  // while a model is replaced, the card before its weights or the one after them names them
  const before = await readCard(path).catch(() => undefined);
  const checkpoint = await readCheckpoint(join(folder, 'model.safetensors'));
  const belongs = ({ fingerprint, replaces }: ModelCard) => [fingerprint, replaces].includes(checkpoint.fingerprint);
  const card = before && belongs(before) ? before : await readCard(path);
  if (belongs(card)) return { checkpoint, card };
  const reason = `${path} belongs to other weights than the model.safetensors beside it`;
  throw new MatvitError('CHECKPOINT_MISMATCH', reason);
}

async function readCard(path: string): Promise<ModelCard> {
  try {
    const card = JSON.parse(await readFile(path, 'utf8')) as Partial<ModelCard> | null;
    if (typeof card !== 'object' || card === null) throw new Error('it is no model card');
    return { name: '', description: '', provenance: [], ...card };
  } catch (error) {
    throw new MatvitError('FILE_UNREADABLE', `${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Weights, and the lines of their card on where they come from: what is made of them carries these on. */
export interface Source {
  readonly checkpoint: Checkpoint;
  readonly provenance: readonly string[];
}

/** The weights of a model folder or of a checkpoint file; a card beside them counts if it is theirs. @throws as readCheckpoint */
export async function sourceAt(path: string): Promise<Source> {
  const isFolder = await stat(path).then(
    info => info.isDirectory(),
    () => false,
  );
  const checkpoint = await readCheckpoint(isFolder ? join(path, 'model.safetensors') : path);
  const card = await readCard(join(isFolder ? path : dirname(path), 'model.json')).catch(() => undefined);
  return { checkpoint, provenance: card?.fingerprint === checkpoint.fingerprint ? card.provenance : [] };
}

/** Each line once. */
export const provenanceOf = (sources: readonly Source[]): string[] => [
  ...new Set(sources.flatMap(source => source.provenance)),
];

/**
 * Writes both files; the fingerprint on the card is that of the weights as stored, so as they will be read. A model that is
 * replaced can be read at every moment.
 * @throws CHECKPOINT_CORRUPT for weights that are not finite, with nothing replaced; STORAGE_FAILED
 */
export async function writeModel(
  folder: string,
  checkpoint: Checkpoint,
  card: ModelCard,
  type: StoredType,
): Promise<Model> {
  const path = join(folder, 'model.safetensors');
  const fresh = `${path}.new.${randomUUID()}.tmp`;
  const replaces = await readCheckpoint(path).then(
    ({ fingerprint }) => fingerprint,
    () => undefined,
  );
  try {
    await writeCheckpoint(fresh, checkpoint, type);
    const stored = await readCheckpoint(fresh);
    const full: ModelCard = {
      ...card,
      fingerprint: stored.fingerprint,
      architecture: stored.architecture,
      preprocessing: 'RGB, short side resized (bicubic) and centre-cropped to the resolution, x / 127.5 - 1',
    };
    const writeCard = (card: ModelCard) =>
      writeFileAtomic(join(folder, 'model.json'), JSON.stringify(card, null, 2) + '\n');
    if (replaces !== undefined) await writeCard({ ...full, replaces });
    await rename(fresh, path);
    await syncFolder(folder);
    await writeCard(full);
    return { checkpoint: stored, card: full };
  } catch (error) {
    throw storageFailed(path, error);
  } finally {
    await rm(fresh, { force: true }).catch(() => undefined); // what failed before says more
  }
}
