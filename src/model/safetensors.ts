/** Reading and writing safetensors files (https://huggingface.co/docs/safetensors), fp32 and fp16. */
import { open } from 'node:fs/promises';
import { Float16Array } from '@petamoriken/float16';
import { MatvitError, reasonOf } from '../errors.js';
import { writeFileAtomic } from './write-file-atomic.js';

export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface TensorFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, NamedTensor>;
}

const bytesPerElement = { F32: 4, F16: 2 } as const;
export type StoredType = keyof typeof bytesPerElement;

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Larger headers are refused before they are parsed, as in the reference implementation. */
const maxHeaderBytes = 100_000_000;

/** @throws CHECKPOINT_CORRUPT, FILE_UNREADABLE */
export async function readSafetensors(path: string): Promise<TensorFile> {
  let bytes: Buffer;
  try {
    bytes = await readAll(path);
  } catch (error) {
    throw new MatvitError('FILE_UNREADABLE', `${path}: ${reasonOf(error)}`, { cause: error });
  }
  const fail = (reason: string): never => {
    throw new MatvitError('CHECKPOINT_CORRUPT', `${path}: ${reason}`);
  };
  if (bytes.length < 8) fail('it is shorter than a safetensors header');
  const headerLength = Number(bytes.readBigUInt64LE(0));
  if (headerLength > maxHeaderBytes || 8 + headerLength > bytes.length) fail('its header is longer than the file');
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<string, unknown>;
  } catch {
    return fail('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) fail('its header is not an object');

  const start = 8 + headerLength;
  const tensors = new Map<string, NamedTensor>();
  const ranges: [from: number, to: number][] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const entry = (value ?? {}) as Partial<Entry>;
    const { dtype, shape, data_offsets: offsets } = entry;
    if (!Array.isArray(shape) || shape.some(n => !Number.isSafeInteger(n) || n < 0)) fail(`${name} has no valid shape`);
    if (dtype !== 'F32' && dtype !== 'F16') fail(`${name} is ${String(dtype)}; only F32 and F16 can be read`);
    const elements = shape!.reduce((product, n) => product * n, 1);
    const length = elements * bytesPerElement[dtype as StoredType];
    const [from, to] = Array.isArray(offsets) ? offsets : [NaN, NaN];
    if (!Number.isSafeInteger(from) || from < 0 || to - from !== length)
      fail(`${name} has offsets that do not fit its shape`);
    if (start + to > bytes.length) fail(`${name} ends beyond the file: it is truncated`);
    ranges.push([from, to]);
    const data = toFloat32(bytes.subarray(start + from, start + to), dtype as StoredType);
    if (!data.every(Number.isFinite)) fail(`${name} holds values that are not finite`);
    tensors.set(name, { shape: shape!, data });
  }
  let end = 0;
  for (const [from, to] of ranges.sort((p, q) => p[0] - q[0] || p[1] - q[1])) {
    if (from !== end) fail('its tensors overlap or leave gaps');
    end = to;
  }
  if (start + end !== bytes.length)
    fail(`it holds ${bytes.length - start} bytes of data where its tensors have ${end}`);
  return { metadata: (header['__metadata__'] ?? {}) as Record<string, string>, tensors };
}

/** In parts: fs's readFile takes no file of 2 GiB, and a run of a large encoder is one. */
async function readAll(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = Buffer.allocUnsafe(size);
    let read = 0;
    for (let more = -1; more !== 0 && read < size; read += more)
      more = (await file.read(bytes, read, Math.min(size - read, 2 ** 30))).bytesRead;
    return bytes.subarray(0, read);
  } finally {
    await file.close();
  }
}

/** Writes to a temporary file beside `path`, then renames. Holds no copy of the file. */
export async function writeSafetensors(path: string, file: TensorFile, type: StoredType): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: file.metadata };
  let offset = 0;
  for (const [name, { shape, data }] of file.tensors) {
    const end = offset + data.length * bytesPerElement[type];
    header[name] = { dtype: type, shape, data_offsets: [offset, end] };
    offset = end;
  }
  let json = JSON.stringify(header);
  json += ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8); // data aligned to 8 bytes
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(json)));
  await writeFileAtomic(path, partsOf([length, Buffer.from(json)], file, type));
}

function* partsOf(header: readonly Uint8Array[], { tensors }: TensorFile, type: StoredType): Generator<Uint8Array> {
  yield* header;
  for (const { data } of tensors.values()) {
    const stored = type === 'F16' ? new Float16Array(data) : data;
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  }
}

/** Every float16 as a float32, by its bits. Made when the first is read. */
let halves: Float32Array | undefined;

function toFloat32(bytes: Uint8Array, type: StoredType): Float32Array {
  const copy = new Uint8Array(bytes).buffer; // aligned, and not a view of the whole file
  if (type === 'F32') return new Float32Array(copy);
  const table = (halves ??= Float32Array.from(
    new Float16Array(Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).buffer),
  ));
  const bits = new Uint16Array(copy);
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]!]!;
  return values;
}
