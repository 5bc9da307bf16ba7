/** A model as it ships: a folder with model.safetensors and model.json. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MatvitError, reasonOf } from '../errors.js';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { StoredType } from './safetensors.js';
import { writeFileAtomic } from './write-file-atomic.js';

/** What model.json says beside the architecture, which the safetensors file carries too. */
export interface ModelCard {
  readonly name: string;
  readonly description: string;
  /** where the weights come from, under which licence, and how they were made */
  readonly provenance: readonly string[];
  /** the fingerprint of the weights as stored */
  readonly fingerprint?: string;
  /** training figures and the like */
  readonly [key: string]: unknown;
}

export interface Model {
  readonly checkpoint: Checkpoint;
  readonly card: ModelCard;
}

/** @throws FILE_UNREADABLE, CHECKPOINT_CORRUPT, CHECKPOINT_MISMATCH */
export async function readModel(folder: string): Promise<Model> {
  const checkpoint = await readCheckpoint(join(folder, 'model.safetensors'));
  const path = join(folder, 'model.json');
  let card: ModelCard;
  try {
    card = JSON.parse(await readFile(path, 'utf8')) as ModelCard;
  } catch (error) {
    throw new MatvitError('FILE_UNREADABLE', `${path}: ${reasonOf(error)}`, { cause: error });
  }
  if (card.fingerprint !== checkpoint.fingerprint)
    throw new MatvitError(
      'CHECKPOINT_MISMATCH',
      `${path} belongs to other weights than the model.safetensors beside it`,
    );
  return { checkpoint, card };
}

/** The weights of a model folder or of a checkpoint file, whatever stands beside them. @throws as readCheckpoint */
export async function checkpointAt(path: string): Promise<Checkpoint> {
  const isFolder = await stat(path).then(
    info => info.isDirectory(),
    () => false,
  );
  return readCheckpoint(isFolder ? join(path, 'model.safetensors') : path);
}

/** Writes both files. The fingerprint on the card is that of the weights as stored, so as they will be read. */
export async function writeModel(
  folder: string,
  checkpoint: Checkpoint,
  card: ModelCard,
  type: StoredType,
): Promise<Model> {
  const path = join(folder, 'model.safetensors');
  await writeCheckpoint(path, checkpoint, type);
  const stored = await readCheckpoint(path);
  const full: ModelCard = {
    ...card,
    fingerprint: stored.fingerprint,
    architecture: stored.architecture,
    preprocessing: 'RGB, short side resized (bicubic) and centre-cropped to the resolution, x / 127.5 - 1',
  };
  await writeFileAtomic(join(folder, 'model.json'), JSON.stringify(full, null, 2) + '\n');
  return { checkpoint: stored, card: full };
}
