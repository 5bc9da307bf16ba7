import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageIndex } from '../../src/corpus/image-index.js';
import { type IndexingOptions, type IndexingReport, type Progress, indexFolder } from '../../src/corpus/indexing.js';
import { MatvitError } from '../../src/errors.js';
import { decode } from '../../src/image/decode.js';
import { fullPoint } from '../../src/model/operating-point.js';
import { ColourEncoder } from '../../src/evaluation/colours.js';
import { picture, writeFiles } from './pictures.js';

describe('indexFolder', () => {
  let folder: string;
  let corpus: string;
  let index: ImageIndex;
  let encoder: ColourEncoder;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'matvit-indexing-'));
    corpus = join(folder, 'corpus');
    mkdirSync(corpus);
    encoder = new ColourEncoder();
    const { fingerprint, architecture } = encoder;
    index = await ImageIndex.openForWriting(join(folder, 'index'), { fingerprint, dimension: architecture.width });
  });
  afterEach(async () => {
    await index.close();
    rmSync(folder, { recursive: true });
  });

  const run = (options: Partial<IndexingOptions> = {}): Promise<IndexingReport> =>
    indexFolder({ folder: corpus, index, encoder, decode, ...options });
  const paths = () => index.catalogue.images().map(image => image.path);
  const counts = ({ added, updated, unchanged, removed, embedded, failed }: IndexingReport) =>
    ({ added, updated, unchanged, removed, embedded, failed: failed.length }) as const;
  const none = { added: 0, updated: 0, unchanged: 0, removed: 0, embedded: 0, failed: 0 };
  const fill = async (count: number, from = 0) => {
    for (let i = from; i < from + count; i++)
      writeFiles(corpus, { [`${i % 3}/${String(i).padStart(4, '0')}.png`]: await picture(i) });
  };
  const search = async (path: string, k = 3) => {
    const point = fullPoint(encoder.architecture);
    const { vectors } = await encoder.embed(await decode(join(corpus, path), point.resolution), point);
    return (await index.search(vectors, { k })).hits;
  };

  it('indexes a folder: each picture is found by itself, with its row', async () => {
    await fill(60);
    writeFiles(corpus, { 'readme.txt': '' });
    const report = await run();
    assert.deepEqual(counts(report), { ...none, added: 60, embedded: 60 });
    assert.deepEqual([report.ignored, report.unmatched, report.interrupted], [1, 0, false]);
    assert.deepEqual(paths(), [...paths()].sort());
    assert.deepEqual(
      index.catalogue.images().map(image => image.id),
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
    for (const path of paths()) {
      const [first] = await search(path);
      assert.equal(first!.image.path, path);
      assert.deepEqual(first!.image.metadata, { label: path[0] });
      assert.ok(first!.score > 0.9999);
    }
    assert.deepEqual(index.catalogue.state(), { revision: index.catalogue.revision(), images: 60, vectors: 60 });
  });

  it('does nothing twice', async () => {
    await fill(20);
    await run();
    const revision = index.catalogue.revision();
    assert.deepEqual(counts(await run()), { ...none, unchanged: 20 });
    assert.equal(index.catalogue.revision(), revision);
  });

  it('follows new, changed, touched, moved and removed files', async () => {
    await fill(12);
    await run();
    writeFiles(corpus, { 'new.png': await picture(100), '0/0003.png': await picture(101) });
    utimesSync(join(corpus, '0/0006.png'), 5, 5);
    renameSync(join(corpus, '1/0001.png'), join(corpus, 'moved.png'));
    rmSync(join(corpus, '2/0002.png'));
    assert.deepEqual(counts(await run()), { ...none, added: 2, updated: 2, unchanged: 8, removed: 2, embedded: 2 });
    assert.equal((await search('moved.png'))[0]!.image.path, 'moved.png');
    assert.equal((await search('0/0003.png'))[0]!.image.path, '0/0003.png');
    assert.deepEqual(index.catalogue.state().vectors, 12);
  });

  it('embeds nothing when files trade their names', async () => {
    await fill(40);
    await run();
    renameSync(join(corpus, '0'), join(corpus, 'x'));
    renameSync(join(corpus, '1'), join(corpus, '0'));
    renameSync(join(corpus, 'x'), join(corpus, '1'));
    assert.deepEqual((await run()).embedded, 0);
    assert.equal(index.catalogue.state().images, 40);
  });

  it('embeds exact duplicates once, and finds them all', async () => {
    const same = await picture(1);
    writeFiles(corpus, { 'a.png': same, 'b/c.png': same, 'd.png': same, 'other.png': await picture(2) });
    assert.deepEqual(counts(await run()), { ...none, added: 4, embedded: 2 });
    assert.deepEqual(index.catalogue.state(), { revision: 1, images: 4, vectors: 2 });
    assert.deepEqual(
      (await search('d.png')).map(hit => hit.image.path),
      ['a.png', 'b/c.png', 'd.png'],
    );
    writeFiles(corpus, { 'e.png': same });
    assert.deepEqual(counts(await run()), { ...none, added: 1, unchanged: 4 });
  });

  it('reports unreadable files, drops what they replaced, and tries them again', async () => {
    await fill(5);
    await run();
    const good = await picture(3);
    writeFiles(corpus, { '0/0003.png': good.subarray(0, 30), 'text.jpg': 'text', 'empty.jpg': '', 'same.jpg': 'text' });
    const report = await run();
    assert.deepEqual(counts(report), { ...none, unchanged: 4, removed: 1, failed: 4 });
    for (const { code, reason } of report.failed) assert.match(`${code} ${reason}`, /^IMAGE_[A-Z]+ [^/]+$/);
    assert.deepEqual(report.failed.map(failure => failure.path).sort(), [
      '0/0003.png',
      'empty.jpg',
      'same.jpg',
      'text.jpg',
    ]);
    assert.equal(paths().length, 4);
    writeFiles(corpus, { '0/0003.png': good });
    assert.deepEqual(counts(await run()), { ...none, added: 1, unchanged: 4, embedded: 1, failed: 3 });
  });

  it('takes metadata from a map, and renews it without embedding', async () => {
    await fill(4);
    await run();
    const metadata = new Map([
      ['0/0000.png', { label: 'zero', price: 3 }],
      ['nowhere.png', { label: 'lost' }],
    ]);
    const report = await run({ metadata });
    assert.deepEqual(counts(report), { ...none, updated: 4 });
    assert.equal(report.unmatched, 1);
    assert.deepEqual(
      index.catalogue.images().map(image => image.metadata),
      [{ label: 'zero', price: 3 }, {}, {}, {}],
    );
    assert.deepEqual(counts(await run({ metadata })), { ...none, unchanged: 4 });
    assert.deepEqual(counts(await run()), { ...none, unchanged: 4 }); // what is known stays
  });

  it('keeps decoders and encoder busy, within bounds', async () => {
    await fill(120);
    let open = () => {};
    const gate = new Promise<void>(resolve => (open = resolve));
    encoder = new (class extends ColourEncoder {
      override async embed(...call: Parameters<ColourEncoder['embed']>) {
        await gate;
        return super.embed(...call);
      }
    })();
    let [decoding, mostDecoding, decoded] = [0, 0, 0];
    await run({
      decode: async (path, resolution) => {
        mostDecoding = Math.max(mostDecoding, ++decoding);
        try {
          return await decode(path, resolution);
        } finally {
          decoding--;
          if (++decoded === 20) open(); // until then the calls that there may be are waiting with a picture each
        }
      },
    });
    assert.equal(encoder.pictures, 120);
    assert.equal(encoder.mostCalls, encoder.concurrency + 1);
    assert.equal(encoder.mostPictures, 8);
    assert.ok(mostDecoding >= 4 && mostDecoding < 16, `${mostDecoding} decodes at a time`);
  });

  it('tells its progress', async () => {
    await fill(10);
    await run();
    await fill(5, 10);
    writeFiles(corpus, { 'bad.png': 'bad' });
    const seen: Progress[] = [];
    await run({ onProgress: progress => seen.push(progress) });
    assert.deepEqual(
      seen.map(progress => progress.done),
      [10, 11, 12, 13, 14, 15, 16],
    );
    const { rate, ...rest } = seen.at(-1)!;
    assert.deepEqual(rest, { done: 16, total: 16, skipped: 10, failed: 1 });
    assert.ok(rate > 0);
  });

  it('ends early at its signal, keeps what was ready, and goes on next time', async () => {
    await fill(100);
    writeFiles(corpus, { '9.png': await picture(999) });
    await run();
    rmSync(join(corpus, '9.png'));
    await fill(100, 100);
    const controller = new AbortController();
    const report = await run({
      encoder: new ColourEncoder(1),
      signal: controller.signal,
      onProgress: ({ done }) => done > 130 && controller.abort(),
    });
    assert.ok(report.interrupted && report.added > 20 && report.added < 60, JSON.stringify(counts(report)));
    assert.equal(report.removed, 0);
    const rest = await run();
    assert.equal(rest.added, 100 - report.added);
    assert.equal(rest.removed, 1);
    assert.equal(paths().length, 200);
    const stopped = await run({ signal: AbortSignal.abort() });
    assert.deepEqual([counts(stopped), stopped.interrupted], [{ ...none, unchanged: 200 }, false]);
  });

  it('fails with the encoder, after committing what was ready', async () => {
    await fill(100);
    encoder = new ColourEncoder(1);
    const embed = encoder.embed.bind(encoder);
    encoder.embed = async (pixels, point) => {
      if (encoder.pictures > 40) throw new MatvitError('ENCODER_FAILED', 'out of memory');
      return embed(pixels, point);
    };
    await assert.rejects(run(), { code: 'ENCODER_FAILED' });
    const { images } = index.catalogue.state();
    // in order: one that is decoded late holds up those behind it, though they were embedded
    assert.ok(images > 0 && images < 100, `${images} images`);
    encoder = new ColourEncoder();
    assert.deepEqual(counts(await run()), { ...none, added: 100 - images, unchanged: images, embedded: 100 - images });
  });

  it('refuses another model, another folder and a missing one', async () => {
    await fill(2);
    await run();
    const other = Object.assign(new ColourEncoder(), { fingerprint: 'other' });
    await assert.rejects(run({ encoder: other }), { code: 'MODEL_MISMATCH' });
    mkdirSync(join(folder, 'another'));
    await assert.rejects(run({ folder: join(folder, 'another') }), { code: 'OPTION_INVALID' });
    await assert.rejects(run({ folder: join(folder, 'none') }), { code: 'FOLDER_UNREADABLE' });
    assert.equal(paths().length, 2);
  });

  it('goes along when the folder itself moves', async () => {
    await fill(10);
    await run();
    renameSync(corpus, join(folder, 'elsewhere'));
    const report = await run({ folder: join(folder, 'elsewhere') });
    assert.deepEqual(counts(report), { ...none, unchanged: 10 });
    assert.match(index.catalogue.root!, /elsewhere$/);
  });

  it('loses nothing when its folder is away and another one is given by mistake', async () => {
    await fill(10);
    await run();
    renameSync(corpus, join(folder, 'away'));
    for (const other of ['other', 'empty']) mkdirSync(join(folder, other));
    writeFiles(join(folder, 'other'), { 'photos/one.png': await picture(77) });
    for (const other of ['other', 'empty'])
      await assert.rejects(run({ folder: join(folder, other) }), { code: 'OPTION_INVALID' });
    assert.equal(index.catalogue.images().length, 10);
  });

  it('keeps what is below a link that leads nowhere now', async () => {
    await fill(2);
    mkdirSync(join(folder, 'drive'));
    writeFiles(join(folder, 'drive'), { 'one.png': await picture(77) });
    symlinkSync(join(folder, 'drive'), join(corpus, 'drive'));
    assert.equal((await run()).added, 3);
    renameSync(join(folder, 'drive'), join(folder, 'unmounted'));
    const report = await run();
    assert.deepEqual([report.removed, report.failed.map(({ path }) => path)], [0, ['drive/']]);
    renameSync(join(folder, 'unmounted'), join(folder, 'drive'));
    assert.deepEqual(counts(await run()), { ...none, unchanged: 3 });
  });

  it('embeds again what was removed with its last picture before a file with the same content came in', async () => {
    await fill(3);
    await run();
    const [first] = index.catalogue.images();
    renameSync(join(corpus, first!.path), join(corpus, 'renamed.png'));
    const { catalogue } = index;
    const hasVector = catalogue.hasVector.bind(catalogue);
    // it is there when the file is read, and gone when it is committed
    catalogue.hasVector = sha256 => {
      const has = hasVector(sha256);
      if (sha256 === first!.sha256) catalogue.commit({ remove: [first!.id], prune: 'touched' });
      return has;
    };
    const report = await run();
    assert.deepEqual([report.added, report.failed], [1, []]);
    const found = catalogue.images().find(({ path }) => path === 'renamed.png')!;
    assert.equal(catalogue.embedding(found).length, catalogue.dimension);
  });

  it('empties an index with its folder only if told so, for it may be where a drive belongs', async () => {
    await fill(10);
    await run();
    rmSync(corpus, { recursive: true });
    mkdirSync(corpus);
    await assert.rejects(run(), { code: 'FOLDER_EMPTY' });
    assert.equal(paths().length, 10);
    assert.deepEqual(counts(await run({ mayEmpty: true })), { ...none, removed: 10 });
    assert.deepEqual(index.catalogue.state().vectors, 0);
    assert.deepEqual(counts(await run()), none);
  });

  it('keeps a picture whose file cannot be read for now, or whose decoder was lost', async () => {
    await fill(5);
    await run();
    const [changed, lost, linked, broken, half] = index.catalogue.images().map(({ path }) => path);
    rmSync(join(corpus, linked!));
    symlinkSync('/nowhere/at/all.png', join(corpus, linked!));
    const [one, two] = [await picture(50), await picture(51)];
    const begun = (await picture(53)).subarray(0, 40);
    writeFiles(corpus, { [changed!]: one, [lost!]: two, [broken!]: 'no picture', [half!]: begun });
    const decodeOrNot = async (path: string, side: number) => {
      if (path.endsWith(lost!)) throw new MatvitError('DECODER_LOST', 'the machine is out of memory');
      if (path.endsWith(changed!)) writeFiles(corpus, { [changed!]: await picture(52) }); // saved again meanwhile
      const decoding = decode(path, side);
      if (path.endsWith(half!)) {
        await decoding.catch(() => undefined);
        writeFiles(corpus, { [half!]: await picture(53) }); // the rest of it
      }
      return decoding;
    };
    const report = await run({ decode: decodeOrNot });
    assert.equal(report.removed, 1);
    assert.deepEqual(paths(), [changed, lost, linked, half]);
    assert.deepEqual(report.failed.map(({ code }) => code).sort(), ['DECODER_LOST', 'FILE_UNREADABLE', 'FILE_UNREADABLE', 'FILE_UNREADABLE', 'IMAGE_UNSUPPORTED']); // prettier-ignore
  });
});
