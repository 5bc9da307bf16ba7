/** A run on disk: one safetensors file, replaced atomically, with all that the next step depends on. */
import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { MatvitError } from '../errors.js';
import { readSafetensors, writeSafetensors } from '../model/safetensors.js';
import type { OptimizerState } from './adamw.js';
import type { TrainingConfig } from './config.js';
import { type Pictures, tableColumns } from './pictures.js';

/** What a run depends on: its configuration, its start and its pictures. */
export interface RunIdentity {
  readonly config: TrainingConfig;
  readonly initFingerprint: string;
  readonly teacherFingerprint: string;
  readonly pictures: string;
}

/** A digest of pictures and classes, so that a resumed run is not continued on other ones. */
export function digestPictures({ pixels, table, classes }: Pictures): string {
  const hash = createHash('sha256').update(new Uint8Array(pixels)).update(JSON.stringify(classes));
  return hash.update(`${table.length / tableColumns}`).digest('hex');
}

export interface RunState extends OptimizerState {
  /** the teacher's embeddings so far, flat: asking for them again would be a quarter of the first visits' cost */
  readonly teacher: Float32Array;
}

const parts = ['weights', 'firstMoment', 'secondMoment', 'average', 'teacher'] as const;

export async function writeRun(path: string, step: number, identity: RunIdentity, state: RunState): Promise<void> {
  const tensors = new Map(parts.map(part => [part, { shape: [state[part].length], data: state[part] }]));
  const metadata = { step: String(step), identity: JSON.stringify(identity) };
  await writeSafetensors(path, { metadata, tensors }, 'F32');
}

/**
 * Reads a run into `state`.
 * @param rescheduled another number of steps makes no other run
 * @returns the steps done; undefined if there is no file
 * @throws RESUME_MISMATCH if the run was another one, CHECKPOINT_CORRUPT
 */
export async function readRun(
  path: string,
  identity: RunIdentity,
  state: RunState,
  { rescheduled = false } = {},
): Promise<number | undefined> {
  try {
    await access(path);
  } catch {
    return undefined;
  }
  const { metadata, tensors } = await readSafetensors(path);
  const { config, ...others } = JSON.parse(metadata['identity'] ?? '{}') as Partial<RunIdentity>;
  const steps = rescheduled ? { steps: identity.config.steps } : {};
  const stored: Partial<RunIdentity> = { ...others, ...(config && { config: { ...config, ...steps } }) };
  for (const key of Object.keys(identity) as (keyof RunIdentity)[])
    if (JSON.stringify(stored[key]) !== JSON.stringify(identity[key])) {
      const reason = `${path} was made with another ${key}: ${JSON.stringify(stored[key])}, not ${JSON.stringify(identity[key])}`;
      throw new MatvitError('RESUME_MISMATCH', reason);
    }
  for (const part of parts) {
    const tensor = tensors.get(part);
    if (tensor?.data.length !== state[part].length)
      throw new MatvitError('RESUME_MISMATCH', `${path} holds no ${part} for this architecture`);
    state[part].set(tensor.data);
  }
  return Number(metadata['step']);
}
