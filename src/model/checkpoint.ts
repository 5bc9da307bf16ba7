/** A checkpoint: an architecture and its weights, in one safetensors file. */
import { createHash } from 'node:crypto';
import { MatvitError } from '../errors.js';
import { type Architecture, checkArchitecture, tensorShapes } from './architecture.js';
import { type NamedTensor, type StoredType, readSafetensors, writeSafetensors } from './safetensors.js';

export interface Checkpoint {
  readonly architecture: Architecture;
  /** every tensor of tensorShapes(architecture), in that order */
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** SHA-256 over architecture and fp32 weights: vectors compare only under the same fingerprint */
  readonly fingerprint: string;
}

/** Checks shapes and adds the fingerprint. @throws CHECKPOINT_MISMATCH */
export function makeCheckpoint(a: Architecture, tensors: ReadonlyMap<string, NamedTensor>): Checkpoint {
  const fail = (reason: string): never => {
    throw new MatvitError('CHECKPOINT_MISMATCH', reason);
  };
  const hash = createHash('sha256').update(canonical(a));
  const weights = new Map<string, Float32Array>();
  for (const [name, shape] of tensorShapes(a)) {
    const tensor = tensors.get(name);
    if (!tensor) return fail(`${name} is missing`);
    if (tensor.shape.join() !== shape.join()) fail(`${name} is [${tensor.shape.join()}], not [${shape.join()}]`);
    hash.update(name).update(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
    weights.set(name, tensor.data);
  }
  for (const name of tensors.keys()) if (!weights.has(name)) fail(`${name} does not belong to a MatViT`);
  return { architecture: a, weights, fingerprint: hash.digest('hex') };
}

/** @throws FILE_UNREADABLE, CHECKPOINT_CORRUPT, CHECKPOINT_MISMATCH, ARCHITECTURE_INVALID */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { metadata, tensors } = await readSafetensors(path);
  const text = metadata['architecture'];
  if (text === undefined)
    throw new MatvitError(
      'CHECKPOINT_MISMATCH',
      `${path} names no architecture; \`matvit import\` reads timm and Hugging Face files`,
    );
  let architecture: Architecture;
  try {
    architecture = JSON.parse(text) as Architecture;
  } catch {
    throw new MatvitError('CHECKPOINT_CORRUPT', `${path}: its architecture is not JSON`);
  }
  return makeCheckpoint(checkArchitecture(architecture), tensors);
}

export async function writeCheckpoint(path: string, checkpoint: Checkpoint, type: StoredType): Promise<void> {
  const tensors = new Map<string, NamedTensor>();
  for (const [name, shape] of tensorShapes(checkpoint.architecture))
    tensors.set(name, { shape, data: checkpoint.weights.get(name)! });
  await writeSafetensors(path, { metadata: { architecture: canonical(checkpoint.architecture) }, tensors }, type);
}

/** @returns the first @throws CHECKPOINT_MISMATCH */
export function checkSameArchitecture(checkpoints: readonly Checkpoint[]): Checkpoint {
  const [first, ...others] = checkpoints as [Checkpoint, ...Checkpoint[]];
  if (others.some(other => canonical(other.architecture) !== canonical(first.architecture)))
    throw new MatvitError('CHECKPOINT_MISMATCH', 'the checkpoints have different architectures');
  return first;
}

/** The architecture as JSON with its keys in a fixed order. */
function canonical(a: Architecture): string {
  return JSON.stringify(a, Object.keys(a).sort());
}
