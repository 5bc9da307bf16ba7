import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { ImageIndex } from '../../src/corpus/image-index.js';
import { Writer } from '../../src/corpus/writer.js';
import { ColourEncoder, colourModel } from '../../src/evaluation/colours.js';
import { picture } from './pictures.js';

const nobody = 65534;
const url = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
const prelude = `
  import { ImageIndex } from ${url('corpus/image-index.js')};
  import { Writer } from ${url('corpus/writer.js')};
  import { ColourEncoder, colourModel, colourPicture } from ${url('evaluation/colours.js')};
  const folder = process.argv[2];`;

/** Runs a script in a process of its own; root, whom permissions do not stop, becomes somebody else if asked to. */
async function run(
  script: string,
  folder: string,
  { limit, asNobody = false }: { limit?: number; asNobody?: boolean },
) {
  const file = `${folder}.mjs`; // not -e: worker threads would take that over
  writeFileSync(file, prelude + script);
  const node = [process.execPath, file, folder];
  const shell = ['-c', `ulimit -f ${limit}; trap '' XFSZ; exec "$@"`, 'bash', ...node];
  const who = asNobody && process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  const [command, args] = limit === undefined ? [node[0]!, node.slice(1)] : ['bash', shell];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], ...who });
  const output = await text(child.stdout);
  rmSync(file);
  return JSON.parse(output || 'null') as unknown;
}

/** Can others than its owner get at what is there? Not in a checkout below a home that is its owner's alone. */
const isOpen = (path: string): boolean =>
  dirname(path) === path || ((statSync(dirname(path)).mode & 0o001) !== 0 && isOpen(dirname(path)));
const canRunAsNobody =
  process.getuid?.() !== 0 || [fileURLToPath(import.meta.url), join(tmpdir(), 'any')].every(isOpen);

describe('storage', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'matvit-storage-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const make = async (count: number) => {
    const index = await ImageIndex.openForWriting(folder, colourModel);
    const writer = new Writer(index, new ColourEncoder());
    for (let i = 0; i < count; i++) await writer.add({ picture: await picture(i), path: `${i}.png` });
    await index.save();
    return index;
  };

  it('that is read-only can be searched, and says so when written to', async function () {
    if (process.platform === 'win32' || !canRunAsNobody) this.skip();
    const index = await make(30);
    await index.close();
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o444);
    chmodSync(folder, 0o555);
    try {
      const answer = await run(
        `const index = await ImageIndex.openForReading(folder, colourModel);
        const vector = index.catalogue.embedding(index.catalogue.imageAt('7.png'));
        const { hits } = await index.search(vector, { k: 1 });
        const codes = [];
        for (const open of ['openForWriting', 'openShared'])
          await ImageIndex[open](folder, colourModel).catch(error => codes.push(error.code));
        console.log(JSON.stringify([hits[0].image.path, index.rebuilt, ...codes]));
        await index.close();`,
        folder,
        { asNobody: true },
      );
      assert.deepEqual(answer, ['7.png', null, 'STORAGE_FAILED', 'STORAGE_FAILED']);
    } finally {
      chmodSync(folder, 0o755);
    }
  });

  it('that is full refuses what does not fit, and keeps what it has', async function () {
    if (process.platform === 'win32') this.skip();
    await (await make(30)).close();
    // no file may grow beyond the limit, in units of 1024 bytes, as on a disk that is full
    const answer = (await run(
      `const index = await ImageIndex.openForWriting(folder, colourModel);
      const writer = new Writer(index, new ColourEncoder());
      let added = 0;
      let code;
      while (code === undefined && added < 2000)
        try {
          await writer.add({ picture: await colourPicture(1000 + added), path: 'more/' + added + '.png' });
          added++;
        } catch (error) {
          code = error.code;
        }
      const saved = await index.save().then(() => 'saved', error => error.code);
      const vector = index.catalogue.embedding(index.catalogue.imageAt('7.png'));
      const { hits } = await index.search(vector, { k: 1 });
      console.log(JSON.stringify([added, code, hits[0].image.path, saved]));
      await index.close();`,
      folder,
      { limit: 400 },
    )) as [number, string, string, string];
    assert.ok(answer[0] > 2 && answer[0] < 2000, String(answer));
    assert.deepEqual(answer.slice(1, 3), ['STORAGE_FAILED', '7.png']);
    const index = await ImageIndex.openForWriting(folder, colourModel);
    assert.equal(index.catalogue.state().images, 30 + answer[0]);
    const last = index.catalogue.imageAt(`more/${answer[0] - 1}.png`)!;
    const { hits } = await index.search(index.catalogue.embedding(last), { k: 1 });
    assert.equal(hits[0]!.image.path, last.path);
    await index.close();
  }).timeout(120_000);
});
