import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import type { Backup } from '../../src/corpus/backup.js';
import type { SearchAnswer } from '../../src/search/searcher.js';
import { KeyRing } from '../../src/service/keys.js';
import { writePictures, writeSmallModel } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';
import { expectError, json, output } from './run-matvit.js';

describe('what runs a service', function () {
  this.timeout(240_000); // many processes, which a busy machine may starve
  const inFolder = temporaryFolder();
  let model: string[];
  let index: string[];
  let query: string;
  before(async () => {
    await writeSmallModel(inFolder('model'));
    const paths = await writePictures(inFolder('pictures'), 6);
    query = inFolder(`pictures/${paths[4]}`);
    copyFileSync(query, inFolder('pictures/copy.png'));
    [model, index] = [
      ['--model', inFolder('model')],
      ['--index', inFolder('index')],
    ];
    await output('index', inFolder('pictures'), ...index, ...model);
  });

  it('keys: makes one, keeps its hash alone, lists and removes it', async () => {
    const file = inFolder('keys.json');
    const keys = ['--keys', file];
    assert.equal(await output('keys', 'list', ...keys), 'there are no keys\n');
    const key = (await output('keys', 'add', 'shop', '--access', 'write', ...keys)).trimEnd();
    assert.equal(readFileSync(file, 'utf8').includes(key), false);
    const known = KeyRing.open(file).find(key);
    assert.deepEqual([known?.name, known?.access], ['shop', 'write']);
    const { keys: listed } = await json<{ keys: Record<string, string>[] }>('keys', 'list', ...keys);
    assert.deepEqual(listed.map(({ name, access }) => ({ name, access })), [{ name: 'shop', access: 'write' }]); // prettier-ignore
    await output('keys', 'remove', 'shop', ...keys);
    assert.equal(KeyRing.open(file).find(key), undefined);
    await expectError('NOT_FOUND', 'keys', 'remove', 'shop', ...keys);
  });

  it('config: shows where a setting comes from, but no password', async () => {
    process.env['MATVIT_INDEX'] = 'postgres://u:secret@h/d';
    try {
      const text = await output('config', '--rate-limit', '600');
      assert.match(text, /^index +postgres:\/\/h\/d +MATVIT_INDEX$/m);
      assert.match(text, /^rateLimit +600 +--rate-limit$/m);
      assert.doesNotMatch(text, /secret/);
      const settings = await json<Record<string, { value: unknown; origin: string }>>('config');
      assert.deepEqual(settings['index'], { value: 'postgres://h/d', origin: 'MATVIT_INDEX' });
      assert.deepEqual(settings['rateLimit']?.origin, 'default');
      assert.doesNotMatch(JSON.stringify(settings), /secret/);
    } finally {
      delete process.env['MATVIT_INDEX'];
    }
  });

  it('snapshot: what is restored answers as what was backed up', async () => {
    const file = inFolder('photos.matvit');
    const made = await json<Backup>('snapshot', 'create', file, ...index);
    const restored = ['--index', inFolder('restored')];
    assert.deepEqual(await json<Backup>('snapshot', 'restore', file, ...restored), made);
    assert.equal(made.images, 7);
    const search = (at: string[]) => json<SearchAnswer>('search', query, '-k', '7', ...at, ...model);
    const [before, after] = [await search(index), await search(restored)];
    assert.deepEqual(after.hits, before.hits);
    assert.equal(after.hits.length, 7);
    await expectError('INDEX_EXISTS', 'snapshot', 'restore', file, ...restored); // there is one now
  });

  it('duplicates: finds the copy', async () => {
    const { groups } = await json<{ groups: { score: number; images: { path: string }[] }[] }>(
      ...['duplicates', '--threshold', '1', ...index, ...model],
    );
    assert.deepEqual(groups.map(({ images }) => images.map(({ path }) => path)), [['1/004.png', 'copy.png']]); // prettier-ignore
  });
});
