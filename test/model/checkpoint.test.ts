import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { Float16Array } from '@petamoriken/float16';
import type { ErrorCode } from '../../src/errors.js';
import { makeCheckpoint, readCheckpoint, writeCheckpoint } from '../../src/model/checkpoint.js';
import { type NamedTensor, readSafetensors, writeSafetensors } from '../../src/model/safetensors.js';
import { rejectsCode } from '../support/rejects.js';
import { temporaryFolder } from '../support/temporary.js';
import { tiny, tinyCheckpoint, tinyTensors } from '../support/tiny.js';

describe('checkpoints', () => {
  const path = temporaryFolder();

  it('come back from fp32 as they were', async () => {
    const checkpoint = tinyCheckpoint();
    await writeCheckpoint(path('a'), checkpoint, 'F32');
    assert.deepEqual(await readCheckpoint(path('a')), checkpoint);
  });

  it('come back from fp16 rounded, in half the bytes', async () => {
    const checkpoint = tinyCheckpoint();
    await writeCheckpoint(path('a'), checkpoint, 'F32');
    await writeCheckpoint(path('b'), checkpoint, 'F16');
    const back = await readCheckpoint(path('b'));
    for (const [name, data] of checkpoint.weights)
      assert.deepEqual(back.weights.get(name), Float32Array.from(Float16Array.from(data)), name);
    const [wide, narrow] = ['a', 'b'].map(name => readFileSync(path(name)).length) as [number, number];
    const elements = [...checkpoint.weights.values()].reduce((sum, data) => sum + data.length, 0);
    assert.ok(Math.abs(wide - narrow - 2 * elements) < 100); // beside the header, with its offsets
    await writeCheckpoint(path('c'), back, 'F16');
    assert.deepEqual(await readCheckpoint(path('c')), back);
  });

  it('have a fingerprint of architecture and weights', () => {
    const { fingerprint } = tinyCheckpoint();
    assert.match(fingerprint, /^[0-9a-f]{64}$/);
    assert.equal(tinyCheckpoint().fingerprint, fingerprint);
    assert.notEqual(tinyCheckpoint(2).fingerprint, fingerprint);
    const reordered = Object.fromEntries(Object.entries(tiny).reverse()) as unknown as typeof tiny;
    assert.equal(makeCheckpoint(reordered, tinyTensors()).fingerprint, fingerprint);
    assert.notEqual(makeCheckpoint({ ...tiny, epsilon: 1e-5 }, tinyTensors()).fingerprint, fingerprint);
    const tensors = tinyTensors();
    tensors.get('layers.1.up.bias')!.data[3]! += 1e-3;
    assert.notEqual(makeCheckpoint(tiny, tensors).fingerprint, fingerprint);
  });
});

describe('a checkpoint is refused', () => {
  const path = temporaryFolder();
  const architecture = JSON.stringify(tiny);

  /** Writes a checkpoint with its tensors changed, and expects that it cannot be read. */
  const tensorsCase = (what: string, code: ErrorCode, change: (tensors: Map<string, NamedTensor>) => void) =>
    it(what, async () => {
      const tensors = tinyTensors();
      change(tensors);
      await writeSafetensors(path('x'), { metadata: { architecture }, tensors }, 'F32');
      await rejectsCode(code, readCheckpoint(path('x')));
    });
  const zeros = (...shape: number[]): NamedTensor => ({
    shape,
    data: new Float32Array(shape.reduce((n, m) => n * m, 1)),
  });

  tensorsCase('without a tensor', 'CHECKPOINT_MISMATCH', t => t.delete('layers.1.key.bias'));
  tensorsCase('with a tensor of another shape', 'CHECKPOINT_MISMATCH', t => t.set('layers.0.up.weight', zeros(31, 24)));
  tensorsCase('with a transposed tensor', 'CHECKPOINT_MISMATCH', t => t.set('layers.0.up.weight', zeros(24, 32)));
  tensorsCase('with a tensor too many', 'CHECKPOINT_MISMATCH', t => t.set('layers.3.up.weight', zeros(32, 24)));
  tensorsCase('with NaN', 'CHECKPOINT_CORRUPT', t => (t.get('norm.weight')!.data[7] = NaN));
  tensorsCase('with infinity', 'CHECKPOINT_CORRUPT', t => (t.get('positions')!.data[0] = -Infinity));

  /** Writes a checkpoint with another architecture in its metadata. */
  const metadataCase = (what: string, code: ErrorCode, metadata: Record<string, string>) =>
    it(what, async () => {
      await writeSafetensors(path('x'), { metadata, tensors: tinyTensors() }, 'F32');
      await rejectsCode(code, readCheckpoint(path('x')));
    });
  metadataCase('without an architecture', 'CHECKPOINT_MISMATCH', { format: 'pt' });
  metadataCase('with an architecture that is not JSON', 'CHECKPOINT_CORRUPT', { architecture: '{' });
  metadataCase('with an architecture that is null', 'ARCHITECTURE_INVALID', { architecture: 'null' });
  metadataCase('with an architecture that is a number', 'ARCHITECTURE_INVALID', { architecture: '7' });
  metadataCase('with an invalid architecture', 'ARCHITECTURE_INVALID', {
    architecture: JSON.stringify({ ...tiny, heads: 7 }),
  });
  metadataCase('with the architecture of another model', 'CHECKPOINT_MISMATCH', {
    architecture: JSON.stringify({ ...tiny, depth: 4 }),
  });

  it('that is not there', () => rejectsCode('FILE_UNREADABLE', readCheckpoint(path('none'))));

  /** Writes other bytes than those of a whole checkpoint. */
  const bytesCase = (what: string, change: (bytes: Buffer) => Buffer) =>
    it(what, async () => {
      await writeCheckpoint(path('x'), tinyCheckpoint(), 'F32');
      writeFileSync(path('x'), change(readFileSync(path('x'))));
      await rejectsCode('CHECKPOINT_CORRUPT', readSafetensors(path('x')));
      await rejectsCode('CHECKPOINT_CORRUPT', readCheckpoint(path('x')));
    });
  bytesCase('empty', () => Buffer.alloc(0));
  bytesCase('with seven bytes', bytes => bytes.subarray(0, 7));
  bytesCase('truncated in its header', bytes => bytes.subarray(0, 100));
  bytesCase('truncated by a byte', bytes => bytes.subarray(0, -1));
  bytesCase('truncated by half', bytes => bytes.subarray(0, bytes.length / 2));
  bytesCase('with a byte too many', bytes => Buffer.concat([bytes, Buffer.alloc(1)]));
  bytesCase('with a header of 2^63 bytes', bytes => (bytes.writeBigUInt64LE(2n ** 63n, 0), bytes));
  bytesCase('with a header that is not JSON', bytes => bytes.fill('x', 8, 16));

  /** Writes a header of our own over no data. */
  const headerCase = (what: string, header: unknown, data = Buffer.alloc(0)) =>
    bytesCase(what, () => {
      const json = Buffer.from(JSON.stringify(header));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      return Buffer.concat([length, json, data]);
    });
  headerCase('with a header that is null', null);
  headerCase('with a header that is a list', []);
  headerCase('with an entry that is null', { x: null });
  headerCase('with a tensor of integers', { x: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, Buffer.alloc(8));
  headerCase('with a negative shape', { x: { dtype: 'F32', shape: [-1], data_offsets: [0, -4] } });
  headerCase('with a shape that is no list', { x: { dtype: 'F32', shape: 1, data_offsets: [0, 4] } }, Buffer.alloc(4));
  headerCase('without offsets', { x: { dtype: 'F32', shape: [1] } }, Buffer.alloc(4));
  headerCase(
    'with offsets that do not fit the shape',
    { x: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } },
    Buffer.alloc(4),
  );
  headerCase('with offsets before the data', { x: { dtype: 'F32', shape: [1], data_offsets: [-4, 0] } });
  const both = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };
  headerCase('with tensors that overlap', { x: both, y: both }, Buffer.alloc(8));
});
