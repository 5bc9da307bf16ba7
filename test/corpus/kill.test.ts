import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Catalogue } from '../../src/catalogue/catalogue.js';
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
    for (let i = 0; i < 400; i++) writeFiles(corpus, { [`${i % 7}/${i}.png`]: await picture(i % 390) }); // 10 duplicates
    writeFiles(corpus, { '3/broken.png': 'broken' });
  });
  after(() => rmSync(folder, { recursive: true }));

  const start = (index: string) =>
    spawn(process.execPath, [fileURLToPath(new URL('./index-child.js', import.meta.url)), corpus, index], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });

  /** Everything in an index but when it came there. */
  const content = async (path: string) => {
    const index = await ImageIndex.openForReading(path, model);
    try {
      const { catalogue } = index;
      const vectors = [...catalogue.vectorsAdded(0, catalogue.revision())].flatMap(({ ids, vectors }) =>
        ids.map((id, i) => [id, [...vectors.subarray(i * model.dimension, (i + 1) * model.dimension)]]),
      );
      const first = catalogue.image(1)!;
      return {
        images: catalogue.images(),
        vectors,
        hits: (await index.search(catalogue.embedding(first), { k: 20 })).hits,
      };
    } finally {
      await index.close();
    }
  };

  it('at any moment loses nothing that was committed and ends as if undisturbed', async () => {
    const undisturbed = join(folder, 'undisturbed');
    const [code] = (await once(start(undisturbed), 'exit')) as [number];
    assert.equal(code, 0);

    const disturbed = join(folder, 'disturbed');
    let images = 0;
    for (const milliseconds of [0, 30, 1200, 700, 1500, 5]) {
      const child = start(disturbed);
      await once(child.stdout, 'data'); // the index is open
      await sleep(milliseconds);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const catalogue = Catalogue.openForReading(join(disturbed, 'catalogue.sqlite'), model);
      const state = catalogue.state();
      catalogue.close();
      assert.ok(state.images >= images);
      images = state.images;
    }
    assert.ok(images > 0 && images < 400, `${images} images before the last run`);
    const [last] = (await once(start(disturbed), 'exit')) as [number];
    assert.equal(last, 0);
    assert.deepEqual(await content(disturbed), await content(undisturbed));
  }).timeout(120_000);

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
