import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { ImageIndex } from '../../src/corpus/image-index.js';
import { augment } from '../../src/evaluation/augment.js';
import { loadPictures } from '../../src/evaluation/load/pictures.js';
import { nearestOthers } from '../../src/evaluation/others.js';
import { queriesOf } from '../../src/evaluation/queries.js';
import { random } from '../../src/training/random.js';
import type { Searcher } from '../../src/search/searcher.js';
import { smallSearcher } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

describe('queries made of an index', () => {
  const inFolder = temporaryFolder();
  let searcher: Searcher<ImageIndex>;
  /** pictures of the folder; then come two copies of the first, kept in the catalogue, and one that is there alone */
  const count = 6;
  before(async () => {
    searcher = await smallSearcher(inFolder('.'), count);
    const { index } = searcher;
    const [first] = index.catalogue.images();
    const embedding = index.catalogue.embedding(first!);
    const copied = await readFile(inFolder(`pictures/${first!.path}`));
    const alone = await sharp({ create: { width: 90, height: 60, channels: 3, background: '#37a' } })
      .png()
      .toBuffer();
    const of = (path: string, bytes: Uint8Array, embedding: Float32Array) => {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return { path, bytes, sha256, size: bytes.length, mtime: 0, metadata: {}, embedding };
    };
    await index.commit({
      put: [
        of('copy/1.png', copied, embedding),
        of('copy/2.png', copied, embedding),
        of('alone.png', alone, embedding.map((_, i) => Number(i === 0))), // prettier-ignore
      ],
    });
  });
  after(() => searcher.close());

  it('take pictures that came over HTTP too, but one of each that is there several times', async () => {
    const queries = await queriesOf(searcher.index, 100, 1, () => undefined);
    const { catalogue } = searcher.index;
    assert.equal(queries.length, count + 1); // one of the first and its copies, the folder's others, and the last
    assert.equal(new Set(queries.map(({ vectorId }) => vectorId)).size, queries.length);
    for (const { id, vectorId } of queries) assert.equal(catalogue.image(id)!.vectorId, vectorId);
    const pictures = await loadPictures(searcher.index, 100);
    assert.deepEqual(
      pictures.map(({ id }) => catalogue.image(id)!.path).sort(),
      [...Array.from({ length: count }, (_, i) => `${i % 3}/00${i}.png`).slice(1), 'alone.png'].sort(),
    );
  });

  it('leave out copies of their picture, and have as many others as are asked for', async () => {
    const { index } = searcher;
    const image = index.catalogue.images().find(({ path }) => path === 'copy/1.png')!;
    const query = { id: image.id, vectorId: image.vectorId, bytes: Buffer.alloc(0) };
    const others = await nearestOthers(index, index.catalogue.embedding(image), query, 3);
    assert.equal(others.length, 3);
    assert.ok(others.every(hit => hit.image.vectorId !== image.vectorId));
  });

  it('can be made of pictures of a camera', async () => {
    const background = { create: { width: 5000, height: 3750, channels: 3 as const, background: '#c40' } };
    const photo = await sharp(background).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const { data, info } = await sharp(await augment(photo, random(1)))
      .raw()
      .toBuffer({ resolveWithObject: true });
    assert.equal(info.height, 640); // upright: longer than wide
    assert.ok(info.width < 600 && Math.abs(data[0]! - 0xcc) < 4, `${info.width} ${data[0]}`);
  });
});
