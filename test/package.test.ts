import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ImageIndex } from '../src/corpus/image-index.js';
import { startServer } from '../src/service/server.js';
import { picture, writeFiles } from './corpus/pictures.js';
import { testService } from './support/service.js';
import { small, smallSearcher, writeSmallModel } from './support/small.js';
import { temporaryFolder } from './support/temporary.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

describe('the package', function () {
  this.timeout(120_000); // processes, which a busy machine may starve
  const inFolder = temporaryFolder();

  before(() => {
    mkdirSync(inFolder('node_modules'));
    symlinkSync(root, inFolder('node_modules/matvit'));
  });
  /** Runs the example of a page that imports this, as a program that has the package installed. */
  const runExample = async (page: string, name: string, address = '') => {
    const blocks = (await readFile(root + page, 'utf8')).matchAll(/```ts\n(.*?)```/gs);
    const code = [...blocks].map(([, block]) => block!).find(block => block.includes(`from '${name}'`));
    writeFiles(inFolder('.'), { 'example.mjs': code!.replace('http://127.0.0.1:7700', address) });
    return (await run(process.execPath, ['example.mjs'], { cwd: inFolder('.') })).stdout;
  };

  it('changes an index as docs/index.md does', async () => {
    const { fingerprint } = await writeSmallModel(inFolder('index-data/model'));
    const model = { fingerprint, dimension: small.width };
    await (await ImageIndex.openForWriting(inFolder('indexes/photos'), model)).close();
    writeFiles(inFolder('.'), { 'new.jpg': await picture(1), 'newer.jpg': await picture(2) });
    await runExample('docs/index.md', 'matvit');
    const index = await ImageIndex.openForReading(inFolder('indexes/photos'), model);
    const { images, revision } = index.catalogue.state();
    assert.deepEqual([images, revision], [0, 4]); // it deletes what it has added, replaced and edited
    await index.close();
  });

  it('asks a server as the README does', async () => {
    const searcher = await smallSearcher(inFolder('.'), 6);
    const server = await startServer(testService(searcher, { writable: true }));
    try {
      copyFileSync(inFolder('pictures/1/004.png'), inFolder('query.jpg'));
      assert.match(await runExample('README.md', 'matvit/client', server.url), /done: 6, total: 6/);
    } finally {
      await server.stop();
      await searcher.close();
    }
  });

  it('has all that it exports and runs, the page and the model', async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root });
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    const packed = new Set(files.map(({ path }) => path));
    const { exports, bin } = JSON.parse(await readFile(`${root}package.json`, 'utf8')) as {
      exports: Record<string, Record<string, string>>;
      bin: Record<string, string>;
    };
    const targets = [...Object.values(exports).flatMap(Object.values<string>), ...Object.values(bin)];
    const needed = targets.map(target => target.replace(/^\.\//, ''));
    for (const folder of ['src/service/page', 'index-data/model'])
      needed.push(...(await readdir(root + folder)).map(file => `${folder}/${file}`));
    assert.deepEqual(needed.filter(path => !packed.has(path)), []); // prettier-ignore
    assert.ok(needed.length > 10);
    assert.deepEqual([...packed].filter(path => /^(dist\/)?test\//.test(path)), []); // prettier-ignore
  });
});
