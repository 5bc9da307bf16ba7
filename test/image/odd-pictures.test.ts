import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { MatvitError } from '../../src/errors.js';
import { decode } from '../../src/image/decode.js';
import { thumbnail } from '../../src/image/thumbnail.js';
import { temporaryFolder } from '../support/temporary.js';
import { flipped, texture } from './fixtures.js';
import { oddPictures } from './odd-pictures.js';

/** Decoding's outcome in a word. */
const outcome = (source: string | Uint8Array): Promise<string> =>
  decode(source, 32).then(
    () => 'ok',
    (error: unknown) => (error instanceof MatvitError ? error.code : String(error)),
  );

describe('odd pictures', () => {
  const inFolder = temporaryFolder();

  for (const { name, make, expect, skip } of oddPictures)
    it(`${name}: ${expect}${skip ? ` (not tried: ${skip})` : ''}`, async function () {
      if (skip) return this.skip();
      this.timeout(10_000);
      const path = await make(inFolder('.'));
      if (expect === 'ok') {
        assert.equal((await decode(path, 112)).length, 112 * 112 * 3);
        assert.ok((await thumbnail(path, { size: 64, format: 'webp' })).length > 0);
        return;
      }
      for (const work of [() => decode(path, 112), () => thumbnail(path, { size: 64, format: 'webp' })])
        await assert.rejects(work, (error: unknown) => {
          assert.ok(error instanceof MatvitError);
          assert.equal(error.code, expect, error.message);
          assert.ok(error.detail.startsWith(`${path}: `), error.detail);
          assert.match(error.detail.slice(path.length), /^: \w[ \w,]{4,60}$/);
          return true;
        });
    });

  it('fare alike when they are decoded at the same time', async function () {
    this.timeout(20_000);
    const tried = oddPictures.filter(({ skip }) => !skip);
    const another = await mkdtemp(inFolder('all-'));
    const paths = await Promise.all(tried.map(({ make }) => make(another)));
    const outcomes = await Promise.all(paths.map(outcome));
    assert.deepEqual(
      tried.map(({ name }, i) => [name, outcomes[i]]),
      tried.map(({ name, expect }) => [name, expect]),
    );
  });

  it('give no errors but the documented ones for 200 files with inverted bytes', async function () {
    this.timeout(20_000);
    const picture = texture(64, 48);
    const sound = [picture.jpeg(), picture.clone().png(), picture.clone().webp(), picture.clone().gif()];
    const files = await Promise.all([...sound, picture.clone().tiff({ compression: 'lzw' })].map(p => p.toBuffer()));
    for (let seed = 1; seed <= 200; seed++) {
      const result = await outcome(flipped(files[seed % files.length]!, 1 + (seed % 4), seed));
      assert.match(result, /^(ok|IMAGE_UNREADABLE|IMAGE_UNSUPPORTED|IMAGE_TOO_LARGE)$/);
    }
  });
});
