import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metadata } from '../../src/catalogue/image.js';
import { ImageIndex } from '../../src/corpus/image-index.js';
import { indexFolder } from '../../src/corpus/indexing.js';
import { Writer } from '../../src/corpus/writer.js';
import type { MatvitError } from '../../src/errors.js';
import { decode } from '../../src/image/decode.js';
import { fullPoint } from '../../src/model/operating-point.js';
import { ColourEncoder } from '../../src/evaluation/colours.js';
import { picture, writeFiles } from './pictures.js';

const encoder = new ColourEncoder();
const point = fullPoint(encoder.architecture);
const model = { fingerprint: encoder.fingerprint, dimension: encoder.architecture.width };

describe('Writer', () => {
  let folder: string;
  let index: ImageIndex;
  let writer: Writer;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'matvit-writer-'));
    index = await ImageIndex.openShared(join(folder, 'index'), model);
    writer = new Writer(index, encoder);
  });
  afterEach(async () => {
    await writer.close();
    await index.close();
    rmSync(folder, { recursive: true });
  });

  const found = async (seed: number, k = 1, from = index) => {
    const { vectors } = await encoder.embed(await decode(await picture(seed), point.resolution), point);
    return (await from.search(vectors, { k })).hits.map(({ image }) => image.path);
  };
  const add = async (seed: number, path = `${seed}.png`) => writer.add({ picture: await picture(seed), path });

  it('adds pictures that the next search finds, here and in other processes, and keeps their bytes', async () => {
    const reader = await ImageIndex.openForReading(join(folder, 'index'), model);
    const { image, before } = await writer.add({ picture: await picture(1), metadata: { label: 'one' } });
    assert.deepEqual([before, image.id, image.stored, image.metadata], [undefined, 1, true, { label: 'one' }]);
    assert.match(image.path, /^added\/[0-9a-f]{16}\.png$/);
    assert.deepEqual(await found(1), [image.path]);
    assert.deepEqual(await found(1, 1, reader), [image.path]);
    assert.deepEqual(await reader.picture(image), await picture(1));
    await reader.close();
    const again = await writer.add({ picture: await picture(1) });
    assert.deepEqual([again.before, again.image.id], [image, 1]);
    writeFileSync(join(folder, 'file.png'), await picture(2));
    const fromFile = await writer.add({ picture: join(folder, 'file.png'), path: 'a/b.png' });
    assert.equal(fromFile.image.path, 'a/b.png');
  });

  it('takes many at once, each with an answer of its own', async () => {
    const results = await Promise.allSettled([
      ...Array.from({ length: 40 }, (_, i) => add(i)),
      writer.delete(99),
      writer.add({ picture: Buffer.from('no picture') }),
    ]);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 40);
    const codes = results.slice(40).map(result => (result as { reason?: MatvitError }).reason?.code);
    assert.deepEqual(codes, ['NOT_FOUND', 'IMAGE_UNSUPPORTED']);
    for (let i = 0; i < 40; i++) assert.deepEqual(await found(i), [`${i}.png`]);
    assert.deepEqual([index.catalogue.state().images, index.catalogue.state().vectors], [40, 40]);
  });

  it('replaces, keeping id and metadata, and forgets what nothing refers to', async () => {
    const { image } = await writer.add({ picture: await picture(1), path: 'x.png', metadata: { price: 2 } });
    const replaced = await writer.replace(image.id, await picture(2));
    assert.deepEqual([replaced.id, replaced.path, replaced.metadata], [image.id, 'x.png', { price: 2 }]);
    assert.deepEqual(await index.picture(replaced), await picture(2));
    assert.deepEqual(await found(2), ['x.png']);
    assert.equal(index.catalogue.state().vectors, 1);
    assert.throws(() => index.catalogue.bytes(image), { code: 'NOT_FOUND' });
    await assert.rejects(writer.replace(77, await picture(2)), { code: 'NOT_FOUND' });
  });

  it('deletes at once; a duplicate stays', async () => {
    const { image } = await add(1);
    await add(2);
    await add(2, 'copy.png');
    await writer.delete(image.id);
    assert.ok(!(await found(1, 9)).includes('1.png'));
    await assert.rejects(writer.delete(image.id), { code: 'NOT_FOUND' });
    await writer.delete(index.catalogue.imageAt('2.png')!.id);
    assert.deepEqual(await found(2, 9), ['copy.png']);
    assert.deepEqual(await index.picture(index.catalogue.imageAt('copy.png')!), await picture(2));
  });

  it('patches metadata as RFC 7396 says', async () => {
    const { image } = await writer.add({ picture: await picture(1), metadata: { a: 1, b: { c: 2, d: [3] } } });
    await Promise.all([
      writer.patchMetadata(image.id, { a: null, b: { d: 4 } }),
      writer.patchMetadata(image.id, { e: true, f: { g: null, h: 'i' } }),
    ]);
    assert.deepEqual(index.catalogue.image(image.id)!.metadata, { b: { c: 2, d: 4 }, e: true, f: { h: 'i' } });
    const long = { text: 'x'.repeat(70_000) };
    await assert.rejects(writer.patchMetadata(image.id, long), { code: 'METADATA_INVALID' });
    await assert.rejects(writer.patchMetadata(9, {}), { code: 'NOT_FOUND' });
  });

  it('spares the others of a group what is wrong with one', async () => {
    const { image } = await add(1);
    const patch = (depth: number) => JSON.parse('{"a":'.repeat(depth) + '1' + '}'.repeat(depth)) as Metadata;
    let reads = 0;
    const odd: Metadata = {
      get price() {
        if (++reads > 2) throw new RangeError('as a program that is wrong would');
        return 1;
      },
    };
    const results = await Promise.allSettled([
      writer.patchMetadata(image.id, { b: 1 }),
      writer.patchMetadata(image.id, patch(4000)),
      writer.patchMetadata(image.id, odd),
      writer.patchMetadata(image.id, { c: 1 }),
    ]);
    const reasons = results.map(result => (result.status === 'rejected' ? (result.reason as Error) : undefined));
    assert.deepEqual([reasons[0], reasons[3]], [undefined, undefined]);
    assert.equal((reasons[1] as MatvitError).code, 'METADATA_INVALID');
    assert.ok(reasons[2] instanceof RangeError);
    assert.deepEqual(index.catalogue.image(image.id)!.metadata, { b: 1, c: 1 });
  });

  it('lives with an indexed folder', async () => {
    const corpus = join(folder, 'corpus');
    writeFiles(corpus, { 'a.png': await picture(1), 'b/c.png': await picture(2) });
    await indexFolder({ folder: corpus, index, encoder, decode });
    await assert.rejects(add(3, 'a.png'), { code: 'PATH_TAKEN' });
    const file = index.catalogue.imageAt('b/c.png')!;
    await assert.rejects(writer.replace(file.id, await picture(3)), { code: 'PATH_TAKEN' });
    await writer.patchMetadata(file.id, { price: 5 });
    await add(4, 'd.png');
    writeFiles(corpus, { 'd.png': await picture(5) });
    const report = await indexFolder({ folder: corpus, index, encoder, decode });
    assert.deepEqual([report.removed, report.failed.map(({ code }) => code)], [0, ['PATH_TAKEN']]);
    assert.deepEqual(index.catalogue.image(file.id)!.metadata, { label: 'b', price: 5 });
    assert.deepEqual(await found(4), ['d.png']);
    const metadata = new Map([['b/c.png', { label: 'given' }]]);
    await indexFolder({ folder: corpus, index, encoder, decode, metadata });
    assert.deepEqual(index.catalogue.image(file.id)!.metadata, { label: 'given' });
  });

  it('keeps what is edited while the folder is being indexed, whether the file has changed or not', async () => {
    const corpus = join(folder, 'corpus');
    writeFiles(corpus, { 'a.png': await picture(1), 'b.png': await picture(2), 'c.png': await picture(3) });
    await indexFolder({ folder: corpus, index, encoder, decode });
    writeFiles(corpus, { 'b.png': await picture(4) });
    const edit = async (path: string) =>
      writer.patchMetadata(index.catalogue.imageAt(path)!.id, { price: 5 }).then(() => undefined);
    const metadata = new Map(['a', 'b', 'c'].map(name => [`${name}.png`, { label: name }]));
    // while b is decoded, all has been planned and nothing committed
    const editing = async (...asked: Parameters<typeof decode>) => {
      await Promise.all(['a.png', 'b.png'].map(edit));
      return decode(...asked);
    };
    const report = await indexFolder({ folder: corpus, index, encoder, decode: editing, metadata });
    assert.deepEqual([report.updated, report.embedded], [3, 1]);
    const described = index.catalogue.images().map(({ metadata, edited }) => ({ metadata, edited }));
    assert.deepEqual(described, [
      { metadata: { price: 5 }, edited: true },
      { metadata: { price: 5 }, edited: true },
      { metadata: { label: 'c' }, edited: false },
    ]);
    assert.deepEqual(await found(4), ['b.png']);
  });

  it('closes when what is being decoded has been committed; a closed index says that it is', async () => {
    const pictures = await Promise.all([0, 1, 2, 3, 4].map(i => picture(i)));
    const adding = pictures.map((picture, i) => writer.add({ picture, path: `${i}.png` }));
    await writer.close();
    assert.equal(index.catalogue.state().images, 5);
    await Promise.all(adding);
    await index.close();
    await assert.rejects(add(6), { code: 'INDEX_FAILED', message: /closed/ });
    await assert.rejects(writer.delete(1), { code: 'INDEX_FAILED', message: /closed/ });
    await assert.rejects(index.image(1), { code: 'INDEX_FAILED' });
  });

  it('refuses odd paths and metadata, and another model', async () => {
    for (const path of ['', '/a.png', '../a.png', 'a//b.png', './a.png', 'half \ud800.png', 'a\0.png'])
      await assert.rejects(add(1, path), { code: 'REQUEST_INVALID' });
    const wrong = [] as unknown as Record<string, never>;
    await assert.rejects(writer.add({ picture: await picture(1), metadata: wrong }), { code: 'METADATA_INVALID' });
    const deep = JSON.parse(`{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`) as Record<string, never>;
    await assert.rejects(writer.add({ picture: await picture(1), metadata: deep }), { code: 'METADATA_INVALID' });
    const other = Object.assign(new ColourEncoder(), { fingerprint: 'other' });
    assert.throws(() => new Writer(index, other), { code: 'MODEL_MISMATCH' });
  });

  it('waits for short writers, and is locked out by a long one', async () => {
    const other = await ImageIndex.openShared(join(folder, 'index'), model);
    const another = new Writer(other, encoder);
    await Promise.all([
      ...Array.from({ length: 20 }, (_, i) => add(i)),
      ...Array.from({ length: 20 }, async (_, i) => another.add({ picture: await picture(20 + i), path: `${20 + i}` })),
    ]);
    assert.equal(index.catalogue.state().images, 40);
    assert.deepEqual(await found(30), ['30']);
    await other.close();
    const indexer = await ImageIndex.openForWriting(join(folder, 'index'), model);
    await assert.rejects(add(50), { code: 'INDEX_LOCKED' });
    await indexer.close();
    await add(50);
  });
});
