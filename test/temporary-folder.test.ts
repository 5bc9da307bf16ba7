import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTemporaryFolder } from '../src/temporary-folder.js';

describe('a temporary folder', () => {
  it('is removed with what is in it', async () => {
    const folder = await makeTemporaryFolder();
    await writeFile(join(folder.path, 'file'), 'text');
    await folder.remove();
    assert.equal(existsSync(folder.path), false);
    assert.deepEqual(process.listeners('SIGINT').filter(({ name }) => name === 'end'), []); // prettier-ignore
  });

  it('says where it cannot be made', async () => {
    const expected = { code: 'STORAGE_FAILED', detail: /^\/nowhere: / };
    await assert.rejects(makeTemporaryFolder('/nowhere/matvit-'), expected);
  });

  it('is removed by a signal, which still ends the process', async () => {
    const module = new URL('../src/temporary-folder.js', import.meta.url).href;
    const program = `const { makeTemporaryFolder } = await import(${JSON.stringify(module)});
      const folders = [await makeTemporaryFolder(), await makeTemporaryFolder()];
      console.log(JSON.stringify(folders.map(({ path }) => path)));
      setInterval(() => {}, 1000);`;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const folders = JSON.parse(line.toString()) as string[];
      assert.deepEqual(folders.map(existsSync), [true, true]);
      child.kill(signal);
      assert.deepEqual(await once(child, 'exit'), [null, signal]);
      assert.deepEqual(folders.map(existsSync), [false, false]);
    }
  });

  it('stays at a signal after which the process ends in order, and is removed by the next', async () => {
    const module = new URL('../src/temporary-folder.js', import.meta.url).href;
    const program = `const { makeTemporaryFolder } = await import(${JSON.stringify(module)});
      process.once('SIGINT', () => console.log('stopping'));
      console.log((await makeTemporaryFolder()).path);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
    const [path] = (await once(child.stdout, 'data')) as [Buffer];
    const folder = path.toString().trim();
    child.kill('SIGINT');
    await once(child.stdout, 'data');
    assert.ok(existsSync(folder));
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGINT']);
    assert.ok(!existsSync(folder));
  });
});
