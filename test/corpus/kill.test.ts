import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ImageIndex } from '../../src/corpus/image-index.js';
import { ColourEncoder } from '../../src/evaluation/colours.js';
import { picture, writeFiles } from './pictures.js';

const { fingerprint, architecture } = new ColourEncoder();
const model = { fingerprint, dimension: architecture.width };

describe('indexing, killed', () => {
  let folder: string;
  let corpus: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'matvit-kill-'));
    corpus = join(folder, 'corpus');
    for (let i = 0; i < 20; i++) writeFiles(corpus, { [`${i}.png`]: await picture(i) });
  });
  after(() => rmSync(folder, { recursive: true }));

  const start = (index: string) =>
    spawn(process.execPath, [fileURLToPath(new URL('./index-child.js', import.meta.url)), corpus, index], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });

  it('while the index is first being made leaves nothing in the way', async () => {
    let early = 0;
    for (const milliseconds of [0, 1, 3, 6, 10]) {
      const index = join(folder, `young-${milliseconds}`);
      const child = start(index);
      let isOpen = false;
      child.stdout.once('data', () => (isOpen = true));
      while (!existsSync(index)) await sleep(1);
      await sleep(milliseconds);
      child.kill('SIGKILL');
      await once(child, 'exit');
      if (!isOpen) early++;
      const opened = await ImageIndex.openForWriting(index, model);
      await opened.close();
    }
    assert.ok(early > 0, 'every one was open already');
  });
});
