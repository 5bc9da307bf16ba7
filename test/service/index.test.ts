import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { Catalogue } from '../../src/catalogue/catalogue.js';
import type { ImageIndex } from '../../src/corpus/image-index.js';
import { restoreBackup } from '../../src/corpus/backup.js';
import type { ErrorCode } from '../../src/errors.js';
import { colourPicture } from '../../src/evaluation/colours.js';
import { sharp } from '../../src/image/sharp.js';
import type { Searcher } from '../../src/search/searcher.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import type { Service } from '../../src/service/service.js';
import { writeFiles } from '../corpus/pictures.js';
import { smallSearcher } from '../support/small.js';
import { codeOf, testService } from '../support/service.js';
import { temporaryFolder } from '../support/temporary.js';

interface Job {
  readonly id: string;
  readonly state: string;
  readonly progress?: { readonly done: number; readonly total: number };
  readonly report?: Readonly<Record<string, number>>;
  readonly problem?: { readonly code: ErrorCode };
}

describe('an index over HTTP', () => {
  const inFolder = temporaryFolder();
  let searcher: Searcher<ImageIndex>;
  let service: Service;
  let server: RunningServer;
  beforeEach(async () => {
    searcher = await smallSearcher(inFolder('.'), 12);
    service = testService(searcher, { writable: true });
    server = await startServer(service);
  });
  afterEach(async () => {
    await server.stop();
    await searcher.close();
    for (const name of ['pictures', 'index']) await rm(inFolder(name), { recursive: true, force: true });
  });

  const ask = (method: string, path: string) => fetch(server.url + path, { method });
  const begin = async (): Promise<Job> => {
    const response = await ask('POST', '/v1/index/reindex');
    assert.equal(response.status, 202, await response.clone().text());
    const job = (await response.json()) as Job;
    assert.equal(response.headers.get('location'), `/v1/jobs/${job.id}`);
    return job;
  };
  const follow = ({ id }: Job) => ask('GET', `/v1/jobs/${id}/events`);
  /** Every event of a job until its end. */
  const events = async (job: Job) => eventsOf(await follow(job));
  const eventsOf = async (response: Response): Promise<{ event: string; job: Job }[]> => {
    assert.match(response.headers.get('content-type')!, /^text\/event-stream/);
    return (await response.text())
      .trim()
      .split('\n\n')
      .map(text => {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(text)!;
        return { event: event!, job: JSON.parse(data!) as Job };
      });
  };
  const write = async (seed: number, path: string) =>
    writeFiles(inFolder('pictures'), { [path]: await colourPicture(seed) });

  it('says what is in it', async () => {
    const { id } = searcher.index.catalogue.images()[0]!;
    await service.writerOf(searcher).add({ picture: await colourPicture(100) });
    await service.writerOf(searcher).delete(id);
    const status = (await (await ask('GET', '/v1/index')).json()) as Record<string, Record<string, unknown>>;
    assert.deepEqual([status['images'], status['stored'], status['vectors']], [12, 1, 12]);
    assert.equal(status['model']!['fingerprint'], searcher.encoder.fingerprint);
    assert.deepEqual(status['allows'], { changes: true, urls: false });
    assert.ok((status['bytes']!['catalogue'] as number) > 10_000 && (status['bytes']!['graph'] as number) > 1000);
    const { snapshot, pending, vectors } = status['graph'] as { snapshot: number; pending: number; vectors: number };
    assert.ok(snapshot > 0 && snapshot <= (status['revision'] as unknown as number));
    assert.equal(pending + vectors, 12);
  });

  it('takes up what has changed in its folder, and tells how far it is', async () => {
    const added = await service.writerOf(searcher).add({ picture: await colourPicture(100), metadata: { kept: 1 } });
    await service.writerOf(searcher).patchMetadata(3, { price: 5 });
    await write(201, 'new/201.png');
    await write(202, searcher.index.catalogue.image(2)!.path);
    await rm(inFolder(`pictures/${searcher.index.catalogue.image(1)!.path}`));
    await writeFile(inFolder('pictures/broken.png'), 'no picture');
    const all = await events(await begin());
    const { event, job } = all.at(-1)!;
    assert.deepEqual([event, job.state], ['end', 'succeeded']);
    const { added: more, updated, unchanged, removed, failures } = job.report!;
    assert.deepEqual([more, updated, unchanged, removed, failures], [1, 1, 10, 1, 1]);
    assert.ok(all.slice(0, -1).every(({ event, job }) => event === 'progress' && job.state === 'running'));
    const { catalogue } = searcher.index;
    assert.equal(catalogue.image(1), undefined);
    assert.deepEqual(catalogue.imageAt('new/201.png')!.metadata, { label: 'new' });
    assert.deepEqual(catalogue.image(added.image.id)!.metadata, { kept: 1 });
    assert.equal(catalogue.image(3)!.metadata['price'], 5);
    const again = (await (await ask('GET', `/v1/jobs/${job.id}`)).json()) as Job;
    assert.equal(again.state, 'succeeded');
    assert.deepEqual(await events(job), [{ event: 'end', job: again }]); // for who comes late
  });

  it('keeps no thumbnails of pictures that have left it with their files', async () => {
    const thumbnailOf = async (id: number) => {
      const { sha256 } = searcher.index.catalogue.image(id)!;
      assert.equal((await ask('GET', `/v1/images/${id}/thumbnail`)).status, 200);
      return inFolder(`index/thumbnails/${sha256.slice(0, 2)}/${sha256}-384.webp`);
    };
    const [gone, changed, kept] = [await thumbnailOf(1), await thumbnailOf(2), await thumbnailOf(3)];
    for (const file of [gone, changed, kept]) await access(file);
    await rm(inFolder(`pictures/${searcher.index.catalogue.image(1)!.path}`));
    await write(202, searcher.index.catalogue.image(2)!.path);
    assert.equal((await events(await begin())).at(-1)!.job.state, 'succeeded');
    for (const file of [gone, changed]) await assert.rejects(access(file), { code: 'ENOENT' });
    await access(kept);
  });

  it('leaves thumbnails alone in a folder that others may use', async () => {
    const [own, chosen] = [inFolder('index/thumbnails'), inFolder('chosen')];
    const name = `aa/${'a'.repeat(64)}-384.webp`;
    for (const folder of [own, chosen]) writeFiles(folder, { [name]: 'of no picture' });
    for (const flags of [{}, { thumbnails: chosen }]) await testService(searcher, flags).thumbnails.sweep();
    await assert.rejects(access(`${own}/${name}`), { code: 'ENOENT' });
    await access(`${chosen}/${name}`);
  });

  it('does one thing at a time, which can be cancelled without loss', async () => {
    for (let i = 0; i < 150; i++) await write(300 + i, `many/${i}.png`);
    const job = await begin();
    assert.equal(await codeOf(await ask('POST', '/v1/index/reindex')), 'JOB_RUNNING');
    assert.equal(await codeOf(await ask('POST', '/v1/index/snapshot')), 'JOB_RUNNING');
    const status = (await (await ask('GET', '/v1/index')).json()) as { job: Job };
    assert.equal(status.job.id, job.id);
    assert.equal((await ask('DELETE', `/v1/jobs/${job.id}`)).status, 202);
    const { state } = (await events(job)).at(-1)!.job;
    assert.equal(state, 'cancelled');
    const before = searcher.index.catalogue.state().images;
    assert.ok(before < 162);
    const { job: done } = (await events(await begin())).at(-1)!;
    assert.deepEqual([done.state, searcher.index.catalogue.state().images], ['succeeded', 162]);
    assert.equal(await codeOf(await ask('GET', '/v1/jobs/none')), 'NOT_FOUND');
  });

  it('ends a job, and who follows it, when the server stops', async () => {
    for (let i = 0; i < 150; i++) await write(300 + i, `many/${i}.png`);
    // a server that stops closes connections that have asked nothing yet: it must have answered
    const following = await follow(await begin());
    await server.stop();
    assert.equal((await eventsOf(following)).at(-1)!.job.state, 'cancelled');
  });

  it('says why a job failed', async () => {
    await rm(inFolder('pictures'), { recursive: true });
    const { job } = (await events(await begin())).at(-1)!;
    assert.deepEqual([job.state, job.problem!.code], ['failed', 'FOLDER_UNREADABLE']);
  });

  it('can be backed up while it serves', async () => {
    await service.writerOf(searcher).add({ picture: await colourPicture(100), path: 'added.png' });
    const response = await ask('POST', '/v1/index/snapshot');
    assert.equal(response.headers.get('content-type'), 'application/x-tar');
    assert.match(response.headers.get('content-disposition')!, /^attachment; filename="matvit-[\d-]+\.tar"$/);
    const file = inFolder('backup.tar');
    await writeFile(file, new Uint8Array(await response.arrayBuffer()));
    const backup = await restoreBackup(file, inFolder('restored'));
    assert.equal(backup.images, 13);
    const catalogue = Catalogue.openForReading(inFolder('restored/catalogue.sqlite'));
    const image = catalogue.imageAt('added.png')!;
    assert.deepEqual(new Uint8Array(catalogue.bytes(image)!), new Uint8Array(await colourPicture(100)));
    catalogue.close();
  });

  it('has no file of a backup left that is being sent', async () => {
    const { TMPDIR } = process.env;
    process.env['TMPDIR'] = inFolder('temporary');
    await mkdir(inFolder('temporary'));
    try {
      const side = 2300;
      const noise = sharp(randomBytes(3 * side ** 2), { raw: { width: side, height: side, channels: 3 } });
      await service.writerOf(searcher).add({ picture: await noise.png({ compressionLevel: 0 }).toBuffer() });
      const response = await ask('POST', '/v1/index/snapshot'); // more than a connection holds
      assert.deepEqual(await readdir(inFolder('temporary')), []);
      const size = Number(response.headers.get('content-length'));
      assert.ok(size > 3 * side ** 2);
      assert.equal((await response.arrayBuffer()).byteLength, size);
    } finally {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
    }
  });
});
