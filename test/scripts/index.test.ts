import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Catalogue } from '../../src/catalogue/catalogue.js';
import { ImageIndex } from '../../src/corpus/image-index.js';
import type { IndexingReport } from '../../src/corpus/indexing.js';
import type { ErrorCode } from '../../src/errors.js';
import { picture, writeFiles } from '../corpus/pictures.js';
import { texture } from '../image/fixtures.js';
import { oddPictures } from '../image/odd-pictures.js';
import { small, writePictures, writeSmallModel } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';
import { json, matvit, output, start } from './run-matvit.js';

const counts = ({ added, updated, unchanged, removed, embedded, failed }: IndexingReport) =>
  ({ added, updated, unchanged, removed, embedded, failed: failed.length }) as const;
const none = { added: 0, updated: 0, unchanged: 0, removed: 0, embedded: 0, failed: 0 };

describe('matvit index', function () {
  this.timeout(240_000); // many processes, which a busy machine may starve
  const inFolder = temporaryFolder();
  let model: string;
  let fingerprint: string;
  before(async () => {
    model = inFolder('model');
    ({ fingerprint } = await writeSmallModel(model));
  });
  const at = (index: string) => ['--index', inFolder(index), '--model', model, '--workers', '1'];
  const open = (index: string) =>
    Catalogue.openForReading(inFolder(`${index}/catalogue.sqlite`), { fingerprint, dimension: small.width });
  const imagesIn = (index: string) => {
    const catalogue = open(index);
    const images = catalogue.images();
    catalogue.close();
    return images;
  };

  it('reports what it did, and does nothing twice', async () => {
    await writePictures(inFolder('plain'), 9);
    writeFiles(inFolder('plain'), { 'readme.txt': '' });
    const first = await json<IndexingReport>('index', inFolder('plain'), ...at('plain-index'));
    assert.deepEqual(counts(first), { ...none, added: 9, embedded: 9 });
    assert.deepEqual([first.ignored, first.unmatched, first.interrupted, first.failed], [1, 0, false, []]);
    const second = await output('index', inFolder('plain'), '--strict', ...at('plain-index'));
    assert.match(
      second,
      /^0 added, 0 updated, 9 unchanged, 0 removed; 0 embedded in [\d.]+ s\n1 files are not pictures\n$/,
    );
  });

  it('takes metadata from CSV and from JSONL', async () => {
    const folder = inFolder('described');
    writeFiles(folder, { 'a.png': await picture(1), 'b/c.png': await picture(2) });
    writeFiles(inFolder('.'), {
      'meta.csv': 'path,label,price\na.png,apple,1.5\nb/c.png,cherry,\nd.png,date,2\n',
      'meta.jsonl': '{"path":"b/c.png","tags":["red","round"]}\n',
    });
    const metadata = async (file: string) => {
      const text = await output('index', folder, '--metadata', inFolder(file), ...at('described-index'));
      return [
        text,
        Object.fromEntries(imagesIn('described-index').map(image => [image.path, image.metadata])),
      ] as const;
    };
    const [text, fromCsv] = await metadata('meta.csv');
    assert.match(text, /^2 added, .*\n1 entries of the metadata belong to no picture\n$/);
    assert.deepEqual(fromCsv, { 'a.png': { label: 'apple', price: 1.5 }, 'b/c.png': { label: 'cherry' } });
    const [again, fromJsonl] = await metadata('meta.jsonl');
    assert.match(again, /^0 added, 2 updated, 0 unchanged, 0 removed; 0 embedded/);
    assert.deepEqual(fromJsonl, { 'a.png': {}, 'b/c.png': { tags: ['red', 'round'] } });
  });

  it('indexes what it can of a folder of odd files, and reports the rest', async () => {
    const folder = inFolder('odd');
    mkdirSync(folder);
    const good = await writePictures(folder, 6);
    const expectedFailures: Record<string, ErrorCode> = {};
    const sound: string[] = [];
    let ignored = 0;
    for (const { name, make, expect, skip } of oddPictures) {
      if (skip) continue;
      const path = basename(await make(folder));
      // only regular files with a picture's extension are looked at; links that lead nowhere are reported
      const isPassedOver = !/\.(jpg|png|webp|avif|gif|tif)$/.test(path) || /device|pipe/.test(name);
      if (extname(path) !== '' && isPassedOver) ignored++;
      else if (expect === 'ok') sound.push(path);
      else if (!/^folder/.test(name)) expectedFailures[path] = expect;
    }
    writeFiles(folder, { 'line\nbreak\u001b[2J.jpg': 'text' });
    expectedFailures['line\nbreak\u001b[2J.jpg'] = 'IMAGE_UNSUPPORTED';
    mkdirSync(`${folder}/deep`);
    symlinkSync('..', `${folder}/deep/up`);
    symlinkSync('../deep', `${folder}/deep/again`);

    const report = await json<IndexingReport>('index', folder, ...at('odd-index'));
    assert.deepEqual(Object.fromEntries(report.failed.map(({ path, code }) => [path, code])), expectedFailures);
    assert.equal(report.failed.length, Object.keys(expectedFailures).length);
    assert.ok(report.failed.every(({ reason }) => reason.length > 5));
    assert.equal(report.added, good.length + sound.length);
    assert.equal(report.ignored, ignored);
    assert.deepEqual(
      imagesIn('odd-index').map(image => image.path),
      [...good, ...sound].sort(),
    );
    const { code, stdout, stderr } = await matvit('index', folder, '--strict', ...at('odd-index'));
    assert.deepEqual([code, stderr], [1, '']);
    assert.ok(stdout.includes('\n  skipped text.jpg: not a JPEG, PNG, WebP, AVIF, GIF or TIFF [IMAGE_UNSUPPORTED]\n'));
    assert.match(stdout, /\n {2}skipped line\?break\?\[2J\.jpg: .*not a JPEG/);
    assert.ok(stdout.includes(`\n${report.failed.length} could not be read\n`));
    assert.match(stdout, /^0 added, 0 updated, \d+ unchanged, 0 removed; 0 embedded/);
  });

  describe('that is cut off', () => {
    const total = 324;
    let folder: string;
    let undisturbed: Awaited<ReturnType<typeof content>>;
    before(async () => {
      folder = inFolder('corpus');
      for (let i = 0; i < 300; i++) writeFiles(folder, { [`${i % 3}/${i}.png`]: await picture(i % 295) });
      // slow to decode, and last: the first commit, after 256 pictures, comes well before the end
      const large = await texture(1100, 1100).jpeg({ progressive: true }).toBuffer();
      for (let i = 0; i < 24; i++) writeFiles(folder, { [`large/${i}.jpg`]: Buffer.concat([large, Buffer.of(i)]) });
      const report = await json<IndexingReport>('index', folder, ...at('undisturbed'));
      assert.equal(report.added, total);
      undisturbed = await content('undisturbed');
      assert.deepEqual([undisturbed.images.length, undisturbed.rebuilt], [total, undefined]);
    });

    const startIndexing = (index: string) => start('index', folder, ...at(index));
    /** Committed images; none while there is no catalogue. */
    const committed = (index: string): number => {
      try {
        const catalogue = open(index);
        const { images } = catalogue.state();
        catalogue.close();
        return images;
      } catch {
        return 0;
      }
    };
    const exists = (index: string, name: RegExp): boolean => {
      try {
        return readdirSync(inFolder(index)).some(file => name.test(file));
      } catch {
        return false;
      }
    };
    /** Everything in an index that a user can see. */
    const content = async (name: string) => {
      const index = await ImageIndex.openForReading(inFolder(name), { fingerprint, dimension: small.width });
      const { catalogue } = index;
      const images = catalogue.images().map(image => ({ ...image, vector: catalogue.embedding(image) }));
      const hits = await Promise.all(images.slice(0, 20).map(({ vector }) => index.search(vector, { k: 50 })));
      const { rebuilt } = index;
      const { vectors } = catalogue.state();
      await index.close();
      return { images, vectors, hits, rebuilt };
    };

    /** Runs until something shows in the index, then sends the signal; says whether the run was still on. */
    const cutOff = async (index: string, signal: NodeJS.Signals, moment: () => boolean) => {
      const { child, outcome } = startIndexing(index);
      const isRunning = () => child.exitCode === null && child.signalCode === null;
      while (isRunning() && !moment()) await sleep(2);
      child.kill(signal);
      return outcome;
    };

    it('by SIGKILL, at any moment, ends as if undisturbed when it is run again', async () => {
      const moments: Record<string, (index: string) => boolean> = {
        'it opens the index': index => exists(index, /^catalogue\.sqlite/),
        'it has committed some pictures': index => committed(index) > 0,
        'it writes the graph': index => exists(index, /^graph/),
      };
      const index = 'killed';
      const seen: string[] = [];
      for (const [name, moment] of Object.entries(moments)) {
        const { code, signal, stderr } = await cutOff(index, 'SIGKILL', () => moment(index));
        seen.push(`${name}: ${signal ?? 'too late'}, ${committed(index)} images`);
        assert.ok(signal === 'SIGKILL' || code === 0, `${seen.join('\n')}\n${stderr}`);
      }
      assert.match(seen[0]!, /SIGKILL, 0 images/, seen.join('\n'));
      const report = await json<IndexingReport>('index', folder, ...at(index));
      assert.equal(report.added + report.unchanged, total, seen.join('\n'));
      assert.deepEqual(await content(index), undisturbed, seen.join('\n'));
    });

    it('by Ctrl-C keeps what it had, says so, and goes on next time', async () => {
      let index = '';
      let stopped: Awaited<ReturnType<typeof cutOff>> | undefined;
      for (let attempt = 1; (!stopped || stopped.code === 0) && attempt <= 4; attempt++) {
        index = `interrupted-${attempt}`; // a run may have ended before the signal reached it
        stopped = await cutOff(index, 'SIGINT', () => committed(index) > 0);
      }
      const { code, signal, stdout, stderr } = stopped!;
      assert.deepEqual([code, signal], [1, null], stderr);
      assert.match(stdout, /^\d+ added, .*\ninterrupted: run it again to go on\n$/);
      assert.equal(stderr, '\nstopping; once more to stop at once\n');
      const added = Number(stdout.split(' ')[0]);
      assert.ok(added > 0 && added < total, stdout);
      assert.equal(committed(index), added);
      const report = await json<IndexingReport>('index', folder, ...at(index));
      assert.deepEqual([report.added, report.unchanged], [total - added, added]);
      assert.deepEqual(await content(index), undisturbed);
    });

    it('by a second Ctrl-C ends at once', async () => {
      let outcome: Awaited<ReturnType<typeof startIndexing>['outcome']> | undefined;
      for (let attempt = 1; outcome?.signal !== 'SIGINT' && attempt <= 4; attempt++) {
        const index = `ended-${attempt}`; // a run may have ended before the second signal reached it
        const { child, outcome: ended } = startIndexing(index);
        while (child.exitCode === null && committed(index) === 0) await sleep(2);
        child.kill('SIGINT');
        await Promise.race([once(child.stderr, 'data'), ended]); // it has heard the first
        child.kill('SIGINT');
        outcome = await ended;
      }
      assert.equal(outcome!.signal, 'SIGINT', outcome!.stderr);
      assert.equal(outcome!.stderr, '\nstopping; once more to stop at once\n');
    });
  });
});
