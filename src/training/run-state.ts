/** A run on disk: one safetensors file, replaced atomically, with all that the next step depends on. */
import { createHash } from 'node:crypto';
import { access, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MatvitError, reasonOf } from '../errors.js';
import { type TensorFile, readSafetensors, writeSafetensors } from '../model/safetensors.js';
import { unfinishedSuffix } from '../model/write-file-atomic.js';
import type { Checkpoint } from '../model/checkpoint.js';
import type { OptimizerState } from './adamw.js';
import type { TrainingConfig } from './config.js';
import type { Pictures } from './pictures.js';

/** What a run depends on beside its pictures. */
export interface RunStart {
  readonly config: TrainingConfig;
  readonly initFingerprint: string;
  /** empty without distillation */
  readonly teacherFingerprint: string;
}

export interface RunIdentity extends RunStart {
  readonly pictures: string;
}

export const startOf = (config: TrainingConfig, init: Checkpoint, teacher: Checkpoint): RunStart => ({
  config,
  initFingerprint: init.fingerprint,
  teacherFingerprint: config.objective === 'distil' ? teacher.fingerprint : '',
});

/** most that a hash takes at a time, bytes; twice as much is refused */
const hashed = 2 ** 30;

/** A digest of pictures, classes and where they come from, so that a resumed run is not continued on other views. */
export function digestPictures({ pixels, table, classes }: Pictures): string {
  const hash = createHash('sha256').update(JSON.stringify(classes)).update(new Uint8Array(table.buffer));
  for (let at = 0; at < pixels.byteLength; at += hashed)
    hash.update(new Uint8Array(pixels, at, Math.min(hashed, pixels.byteLength - at)));
  return hash.digest('hex');
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw new MatvitError('FILE_UNREADABLE', `${path}: ${reasonOf(error)}`, { cause: error });
    },
  );

const fileOf = (out: string) => join(out, 'run.safetensors');

/**
 * Neither a run nor a model is replaced, nor a run resumed where there is none: a flag forgotten or a name mistyped would
 * cost hours.
 * @throws RUN_EXISTS, RUN_MISSING
 */
export async function checkRun(out: string, resume: boolean): Promise<void> {
  if (!resume) return checkVacant(out);
  if (!(await isThere(fileOf(out)))) throw new MatvitError('RUN_MISSING', `${fileOf(out)} does not exist`);
}

/** That a folder, which need not exist, holds neither a run nor a model. @throws RUN_EXISTS */
export async function checkVacant(out: string): Promise<void> {
  if (await isThere(fileOf(out)))
    throw new MatvitError('RUN_EXISTS', `${out} holds a run; train --resume continues it, or give another --out`);
  if (await isThere(join(out, 'model.safetensors')))
    throw new MatvitError('RUN_EXISTS', `${out} holds a model, which would be replaced; give another --out`);
}

/** What a run and its model write before they rename it. */
const unfinished = new RegExp(
  `^(run\\.safetensors|metrics\\.jsonl|model\\.json|model\\.safetensors\\.new)(${unfinishedSuffix})+$`,
);

/** Removes what a process that was killed had not finished writing. The caller holds the run's lock. */
export async function sweepRun(out: string): Promise<void> {
  for (const name of await readdir(out)) if (unfinished.test(name)) await rm(join(out, name), { force: true });
}

export interface RunState extends OptimizerState {
  /** the teacher's embeddings so far, flat: asking for them again would be a quarter of the first visits' cost */
  readonly teacher: Float32Array;
}

const parts = ['weights', 'firstMoment', 'secondMoment', 'average', 'teacher'] as const;

export async function writeRun(out: string, step: number, identity: RunIdentity, state: RunState): Promise<void> {
  const tensors = new Map(parts.map(part => [part, { shape: [state[part].length], data: state[part] }]));
  const metadata = { step: String(step), identity: JSON.stringify(identity) };
  await writeSafetensors(fileOf(out), { metadata, tensors }, 'F32');
}

/** As a file has it, which may be of another version. */
export type StoredIdentity = { readonly [Key in keyof RunIdentity]?: RunIdentity[Key] | undefined };

/** The keys that two runs do not share, each with both values: `seed 3, not 4`. */
function differences(stored: StoredIdentity, asked: StoredIdentity): string[] {
  const flat = ({ config, ...others }: StoredIdentity): Record<string, unknown> => ({ ...config, ...others });
  const [were, are] = [flat(stored), flat(asked)];
  const print = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value));
  return [...new Set([...Object.keys(were), ...Object.keys(are)])]
    .filter(key => print(were[key]) !== print(are[key]))
    .map(key => `${key} ${print(were[key])}, not ${print(are[key])}`);
}

/** A configuration with the steps of another, and with its views if both see each once. */
function reschedule(config: TrainingConfig, to: TrainingConfig): TrainingConfig {
  // distillation has as many as the teacher's memory is long
  const isFresh = ({ objective, steps, batch, views }: TrainingConfig) =>
    objective !== 'distil' && views === steps * batch;
  return { ...config, steps: to.steps, views: isFresh(config) && isFresh(to) ? to.views : config.views };
}

interface StoredRun {
  readonly identity: StoredIdentity;
  readonly step: number;
  readonly tensors: TensorFile['tensors'];
}

/** @throws CHECKPOINT_CORRUPT, FILE_UNREADABLE */
async function readStored(out: string): Promise<StoredRun> {
  const path = fileOf(out);
  const { metadata, tensors } = await readSafetensors(path);
  const step = Number(metadata['step']);
  try {
    const identity = JSON.parse(metadata['identity']!) as StoredIdentity;
    if (Number.isSafeInteger(step)) return { identity, step, tensors };
  } catch {
    // as if there were no step
  }
  throw new MatvitError('CHECKPOINT_CORRUPT', `${path} does not say which run it is of`);
}

/** What the run in a folder was made with, but for its pictures. @throws CHECKPOINT_CORRUPT, FILE_UNREADABLE */
export async function readStart(out: string): Promise<StoredIdentity> {
  const { identity } = await readStored(out);
  return { ...identity, pictures: undefined };
}

/**
 * @param asked what the run in a folder is to go on with
 * @param rescheduled another number of steps makes no other run
 * @throws RESUME_MISMATCH
 */
export function checkSameRun(
  out: string,
  stored: StoredIdentity,
  asked: RunStart & StoredIdentity,
  { rescheduled = false } = {},
): void {
  const config = stored.config && (rescheduled ? reschedule(stored.config, asked.config) : stored.config);
  const differing = differences({ ...stored, config }, asked);
  if (differing.length > 0)
    throw new MatvitError('RESUME_MISMATCH', `${fileOf(out)} was made with ${differing.join('; ')}`);
}

/**
 * Reads a run into `state`.
 * @param rescheduled another number of steps makes no other run
 * @returns the steps done
 * @throws RESUME_MISMATCH if the run was another one or is longer, CHECKPOINT_CORRUPT, FILE_UNREADABLE
 */
export async function readRun(
  out: string,
  identity: RunIdentity,
  state: RunState,
  { rescheduled = false } = {},
): Promise<number> {
  const { identity: stored, step, tensors } = await readStored(out);
  checkSameRun(out, stored, identity, { rescheduled });
  const path = fileOf(out);
  for (const part of parts) {
    const tensor = tensors.get(part);
    if (tensor?.data.length !== state[part].length)
      throw new MatvitError('RESUME_MISMATCH', `${path} holds no ${part} for this architecture`);
    state[part].set(tensor.data);
  }
  if (step > identity.config.steps)
    throw new MatvitError('RESUME_MISMATCH', `${path} has done ${step} steps, more than ${identity.config.steps}`);
  return step;
}
