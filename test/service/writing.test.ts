import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { ImageIndex } from '../../src/corpus/image-index.js';
import type { ErrorCode } from '../../src/errors.js';
import { colourPicture } from '../../src/evaluation/colours.js';
import type { Searcher } from '../../src/search/searcher.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import { KeyRing } from '../../src/service/keys.js';
import { smallSearcher } from '../support/small.js';
import { codeOf, testService } from '../support/service.js';
import { temporaryFolder } from '../support/temporary.js';

interface Shown {
  readonly id: number;
  readonly path: string;
  readonly sha256: string;
  readonly metadata: Record<string, unknown>;
  readonly stored: boolean;
  readonly thumbnail: string;
  readonly created?: boolean;
  readonly code?: ErrorCode;
}

describe('changing an index over HTTP', () => {
  const inFolder = temporaryFolder();
  let searcher: Searcher<ImageIndex>;
  let server: RunningServer;
  let seed = 1000;
  before(async () => {
    searcher = await smallSearcher(inFolder('.'), 12);
    server = await startServer(testService(searcher, { writable: true, maxPictures: 8, maxBytes: 100_000 }));
  });
  after(async () => {
    await server.stop();
    await searcher.close();
  });

  const fresh = async () => Uint8Array.from(await colourPicture(seed++));
  const ask = (method: string, path: string, body?: RequestInit['body'], type?: string) =>
    fetch(server.url + path, { method, body: body ?? null, ...(type && { headers: { 'Content-Type': type } }) });
  const json = (method: string, path: string, body: unknown) =>
    ask(method, path, JSON.stringify(body), 'application/json');
  const added = async (response: Response): Promise<Shown[]> => {
    assert.equal(response.status, 201, await response.clone().text());
    return ((await response.json()) as { images: Shown[] }).images;
  };
  const image = async (id: number) => (await (await ask('GET', `/v1/images/${id}`)).json()) as Shown;
  const nearest = async (picture: Uint8Array) => {
    const response = await ask('POST', '/v1/search?k=1', picture as Uint8Array<ArrayBuffer>);
    return ((await response.json()) as { hits: { id: number; score: number }[] }).hits[0]!;
  };

  it('adds pictures as a body, in a form and as JSON, each of which the next search finds', async () => {
    const pictures = [await fresh(), await fresh(), await fresh(), await fresh()];
    const [whole] = await added(
      await ask('POST', `/v1/images?path=a/whole.png&metadata={"label":"new"}`, pictures[0], 'image/png'),
    );
    assert.deepEqual([whole!.path, whole!.metadata, whole!.stored, whole!.created], ['a/whole.png', { label: 'new' }, true, true]); // prettier-ignore
    const form = new FormData();
    form.append('image', new Blob([pictures[1]!]), '1.png');
    form.append('image', new Blob([pictures[2]!]), '2.png');
    form.set('metadata', JSON.stringify([{ n: 1 }, { n: 2 }]));
    const [one, two] = await added(await ask('POST', '/v1/images', form));
    assert.deepEqual([one!.metadata, two!.metadata], [{ n: 1 }, { n: 2 }]);
    const encoded = { image: Buffer.from(pictures[3]!).toString('base64'), path: 'a/json.png' };
    const [third] = await added(await json('POST', '/v1/images', { pictures: [encoded] }));
    for (const [i, { id }] of [whole!, one!, two!, third!].entries()) {
      const hit = await nearest(pictures[i]!);
      assert.deepEqual([hit.id, hit.score > 0.9999], [id, true]);
    }
    const thumbnail = await fetch(server.url + whole!.thumbnail);
    assert.equal(thumbnail.status, 200);
  });

  it('may be asked again: the same picture is there once', async () => {
    const picture = await fresh();
    const [first] = await added(await ask('POST', '/v1/images', picture));
    const [again] = await added(await ask('POST', '/v1/images', picture));
    assert.deepEqual([again!.id, again!.created], [first!.id, false]);
    assert.match(first!.path, /^added\/[0-9a-f]{16}\.png$/);
  });

  it('reports for each picture of several, and refuses when none can be added', async () => {
    const form = new FormData();
    form.append('image', new Blob([await fresh()]), 'good.png');
    form.append('image', new Blob(['no picture']), 'bad.png');
    const [good, bad] = await added(await ask('POST', '/v1/images', form));
    assert.deepEqual([good!.created, bad!.code], [true, 'IMAGE_UNSUPPORTED']);
    assert.equal(await codeOf(await ask('POST', '/v1/images', 'no picture')), 'IMAGE_UNSUPPORTED');
    for (const [path, body, code] of [
      ['/v1/images', '', 'REQUEST_INVALID'],
      ['/v1/images?path=../out.png', await fresh(), 'REQUEST_INVALID'],
      ['/v1/images?path=2/005.png', await fresh(), 'PATH_TAKEN'],
      ['/v1/images?metadata=[1]', await fresh(), 'REQUEST_INVALID'],
      ['/v1/images?metadata=[{}]', await fresh(), undefined],
      ['/v1/images?metadata=[{},{}]', await fresh(), 'REQUEST_INVALID'],
      ['/v1/images?metadata={', await fresh(), 'METADATA_INVALID'],
      [`/v1/images?metadata={"a":${'['.repeat(150)}${']'.repeat(150)}}`, await fresh(), 'METADATA_INVALID'],
      ['/v1/images', new Uint8Array(100_001), 'REQUEST_TOO_LARGE'],
    ] as const)
      assert.equal(await codeOf(await ask('POST', path, body as Uint8Array<ArrayBuffer>)), code, path);
    const many = { pictures: Array.from({ length: 9 }, () => ({ image: 'AAAA' })) };
    assert.equal(await codeOf(await json('POST', '/v1/images', many)), 'REQUEST_INVALID');
    const byUrl = { pictures: [{ url: 'http://127.0.0.1/x.png' }] };
    assert.equal(await codeOf(await json('POST', '/v1/images', byUrl)), 'URL_FORBIDDEN');
  });

  it('edits metadata, which filters see at once', async () => {
    const patched = await json('PATCH', '/v1/images/2', { metadata: { label: null, price: 3 } });
    assert.deepEqual(((await patched.json()) as Shown).metadata, { price: 3 });
    const list = await ask('GET', `/v1/images?filter={"price":3}`);
    const { images, total } = (await list.json()) as { images: Shown[]; total: number };
    assert.deepEqual([images.map(({ id }) => id), total], [[2], 1]);
    assert.equal(await codeOf(await json('PATCH', '/v1/images/99999', { metadata: {} })), 'NOT_FOUND');
    const deep = `{"metadata":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`;
    assert.equal(await codeOf(await ask('PATCH', '/v1/images/2', deep, 'application/json')), 'METADATA_INVALID');
    for (const long of [{ text: 'x'.repeat(70_000) }, { list: Array(70_000).fill([]) }])
      assert.equal(await codeOf(await json('PATCH', '/v1/images/2', { metadata: long })), 'METADATA_INVALID');
  });

  it('replaces the bytes of a picture that was added, but not a file of the folder', async () => {
    const [before, after] = [await fresh(), await fresh()];
    const [{ id, path }] = (await added(await ask('POST', '/v1/images?metadata={"kept":true}', before))) as [Shown];
    const replaced = (await (await ask('PUT', `/v1/images/${id}`, after)).json()) as Shown;
    assert.deepEqual([replaced.id, replaced.path, replaced.metadata], [id, path, { kept: true }]);
    assert.equal((await nearest(after)).id, id);
    assert.notEqual((await nearest(before)).id, id);
    assert.equal(await codeOf(await ask('PUT', '/v1/images/1', before)), 'PATH_TAKEN');
    assert.equal(await codeOf(await ask('PUT', '/v1/images/99999', before)), 'NOT_FOUND');
  });

  it('replaces what was added at a path, with its thumbnail', async () => {
    const at = '/v1/images?path=a/again.png';
    const [first] = await added(await ask('POST', at, await fresh()));
    assert.equal((await fetch(server.url + first!.thumbnail)).status, 200);
    const kept = inFolder(`index/thumbnails/${first!.sha256.slice(0, 2)}/${first!.sha256}-384.webp`);
    await readFile(kept);
    const [second] = await added(await ask('POST', at, await fresh()));
    assert.deepEqual([second!.id === first!.id, second!.created], [true, false]);
    await assert.rejects(readFile(kept), { code: 'ENOENT' });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^matvit_changes_total\{kind="replace"\} [1-9]/m);
  });

  it('deletes a picture, with its thumbnail', async () => {
    const picture = await fresh();
    const [{ id, thumbnail, sha256 }] = (await added(await ask('POST', '/v1/images', picture))) as [Shown];
    assert.equal((await fetch(server.url + thumbnail)).status, 200);
    const kept = `${searcher.index.folder}/thumbnails/${sha256.slice(0, 2)}/${sha256}-384.webp`;
    await readFile(kept);
    assert.equal((await ask('DELETE', `/v1/images/${id}`)).status, 204);
    await assert.rejects(readFile(kept), { code: 'ENOENT' });
    assert.equal((await ask('GET', `/v1/images/${id}`)).status, 404);
    assert.notEqual((await nearest(picture)).id, id);
    assert.equal(await codeOf(await ask('DELETE', `/v1/images/${id}`)), 'NOT_FOUND');
  });

  it('lists every picture once, though some come and go meanwhile', async () => {
    const ids: number[] = [];
    let next: string | undefined;
    const all = searcher.index.catalogue.images().map(({ id }) => id);
    do {
      const response = await ask('GET', `/v1/images?limit=4${next ? `&cursor=${next}` : ''}`);
      const page = (await response.json()) as { images: Shown[]; next?: string };
      ids.push(...page.images.map(({ id }) => id));
      if (ids.length === 4) assert.equal((await ask('DELETE', `/v1/images/${ids[0]}`)).status, 204);
      next = page.next;
    } while (next !== undefined);
    assert.deepEqual(ids, all.sort((a, b) => a - b)); // prettier-ignore
    for (const query of ['cursor=x', `cursor=${Buffer.from('["",0,1,0]').toString('base64url')}`])
      assert.equal(await codeOf(await ask('GET', `/v1/images?${query}`)), 'CURSOR_INVALID');
  });

  it('loses nothing of many at once', async () => {
    const pictures = await Promise.all(Array.from({ length: 20 }, fresh));
    const answers = await Promise.all(pictures.map(async body => added(await ask('POST', '/v1/images', body))));
    const hits = await Promise.all(pictures.map(nearest));
    assert.deepEqual(hits.map(({ id }) => id), answers.map(([one]) => one!.id)); // prettier-ignore
    assert.equal((await image(answers[7]![0]!.id)).sha256, answers[7]![0]!.sha256);
  });

  it('is refused where the server only reads, and to keys that only read', async () => {
    const reading = await startServer(testService(searcher));
    const keys = inFolder('keys.json');
    const key = await KeyRing.open(keys).add('reader', 'read');
    const guarded = await startServer(testService(searcher, { writable: true, auth: 'always', keys }));
    const headers = { Authorization: `Bearer ${key}` };
    try {
      for (const [method, path] of [
        ['POST', '/v1/images'],
        ['PUT', '/v1/images/1'],
        ['PATCH', '/v1/images/1'],
        ['DELETE', '/v1/images/1'],
      ] as const) {
        assert.equal(await codeOf(await fetch(reading.url + path, { method })), 'INDEX_READ_ONLY', method);
        assert.equal(await codeOf(await fetch(guarded.url + path, { method, headers })), 'KEY_INSUFFICIENT', method);
        assert.equal(await codeOf(await fetch(guarded.url + path, { method })), 'KEY_MISSING', method);
      }
      assert.equal((await fetch(`${reading.url}/v1/images?limit=1`)).status, 200);
    } finally {
      await reading.stop();
      await guarded.stop();
    }
  });
});
