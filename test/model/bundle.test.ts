import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { type ModelCard, readModel, sourceAt, writeModel } from '../../src/model/bundle.js';
import { makeCheckpoint, writeCheckpoint } from '../../src/model/checkpoint.js';
import { writeFileAtomic } from '../../src/model/write-file-atomic.js';
import { tensorShapes } from '../../src/model/architecture.js';
import { rejectsCode } from '../support/rejects.js';
import { temporaryFolder } from '../support/temporary.js';
import { tinyCheckpoint } from '../support/tiny.js';

describe('a model on disk', () => {
  const inFolder = temporaryFolder();
  const [first, second] = [tinyCheckpoint(1), tinyCheckpoint(2)];
  const card: ModelCard = { name: 'tiny', description: 'random weights', provenance: [] };

  it('can be read at every moment while it is replaced', async () => {
    const folder = inFolder('replaced');
    await writeModel(folder, first, card, 'F32');
    let writing = true;
    const readers = [0, 1, 2].map(async () => {
      const seen = new Set<string>();
      while (writing) seen.add((await readModel(folder)).checkpoint.fingerprint);
      return seen;
    });
    for (let i = 0; i < 30; i++) await writeModel(folder, i % 2 ? first : second, card, 'F32');
    writing = false;
    const seen = new Set((await Promise.all(readers)).flatMap(set => [...set]));
    assert.deepEqual(seen, new Set([first.fingerprint, second.fingerprint]));
    assert.equal((await readModel(folder)).card.replaces, undefined);
    assert.deepEqual(readdirSync(folder).sort(), ['model.json', 'model.safetensors']);
  });

  it('can be read, and replaced, after a process has died between its files', async () => {
    const folder = inFolder('between');
    await writeModel(folder, first, card, 'F32');
    const file = `${folder}/model.safetensors`;
    const weights = readFileSync(file);
    await writeModel(folder, second, card, 'F32');
    const { card: newer } = await readModel(folder);
    writeFileSync(file, weights);
    await rejectsCode('CHECKPOINT_MISMATCH', readModel(folder));
    writeFileSync(`${folder}/model.json`, JSON.stringify({ ...newer, replaces: first.fingerprint }));
    assert.equal((await readModel(folder)).checkpoint.fingerprint, first.fingerprint);
    await writeModel(folder, second, card, 'F32');
    assert.equal((await readModel(folder)).checkpoint.fingerprint, second.fingerprint);
  });

  it('is a source with its provenance, as a folder and as a file, but not with the card of other weights', async () => {
    const folder = inFolder('source');
    const provenance = ['where it is from', 'its licence'];
    await writeModel(folder, first, { ...card, provenance }, 'F32');
    const file = `${folder}/model.safetensors`;
    for (const path of [folder, file]) assert.deepEqual(await sourceAt(path), { checkpoint: first, provenance });
    await writeCheckpoint(file, second, 'F32');
    assert.deepEqual(await sourceAt(folder), { checkpoint: second, provenance: [] });
  });

  it('is refused with a card that is none, and has no provenance with one that says nothing of it', async () => {
    const folder = inFolder('card');
    await writeModel(folder, first, card, 'F32');
    const file = `${folder}/model.json`;
    for (const text of ['null', '3', '"card"', '', '[]']) {
      writeFileSync(file, text);
      await assert.rejects(
        readModel(folder),
        { code: text === '[]' ? 'CHECKPOINT_MISMATCH' : 'FILE_UNREADABLE' },
        text,
      );
    }
    writeFileSync(file, JSON.stringify({ fingerprint: first.fingerprint }));
    assert.deepEqual((await sourceAt(folder)).provenance, []);
  });

  it('says that a file cannot be written, whatever is in the way', async () => {
    await writeFileAtomic(inFolder('plain'), 'a file');
    for (const path of [inFolder('plain/below'), inFolder('x'.repeat(250)), inFolder('a\0b')])
      await rejectsCode('STORAGE_FAILED', writeFileAtomic(path, 'text'));
    assert.deepEqual(readFileSync(inFolder('plain'), 'utf8'), 'a file');
  });

  it('stays as it was when what should replace it is not finite', async () => {
    const folder = inFolder('kept');
    await writeModel(folder, first, card, 'F32');
    const { architecture } = first;
    const shapes = [...tensorShapes(architecture)];
    const tensors = shapes.map(([name, shape]) => [name, { shape, data: second.weights.get(name)!.slice() }] as const);
    tensors[0]![1].data[0] = NaN;
    await assert.rejects(async () => writeModel(folder, makeCheckpoint(architecture, new Map(tensors)), card, 'F32'), {
      code: 'CHECKPOINT_CORRUPT',
    });
    assert.equal((await readModel(folder)).checkpoint.fingerprint, first.fingerprint);
    assert.deepEqual(readdirSync(folder).sort(), ['model.json', 'model.safetensors']);
  });
});
