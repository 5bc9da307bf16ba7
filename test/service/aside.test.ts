import assert from 'node:assert/strict';
import { MatvitError } from '../../src/errors.js';
import { fullPoint } from '../../src/model/operating-point.js';
import { aside } from '../../src/service/aside.js';
import { smallSearcher } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

describe('an encoder aside', () => {
  const inFolder = temporaryFolder();

  it('encodes a batch picture by picture, to the same vectors', async () => {
    const { encoder, index } = await smallSearcher(inFolder('.'), 1, 2);
    const point = fullPoint(encoder.architecture);
    const pixels = Uint8Array.from({ length: 3 * 3 * point.resolution ** 2 }, (_, i) => (i * 37) % 251);
    const together = await encoder.embed(pixels.slice(), point);
    const sizes: number[] = [];
    let deaths = 1;
    const embed = encoder.embed.bind(encoder);
    let inside = 0;
    encoder.embed = async (part, at) => {
      sizes.push(part.length / (3 * point.resolution ** 2));
      assert.equal(inside++, 0);
      const result = await embed(part, at);
      inside--;
      if (deaths-- > 0) throw new MatvitError('WORKER_LOST', 'of the first, in the middle of it');
      return result;
    };
    const { vectors } = await aside(encoder).embed(pixels, point);
    assert.deepEqual(sizes, [1, 1, 1, 1]); // one of them twice
    assert.equal(vectors.length, together.vectors.length);
    vectors.forEach((x, i) => assert.ok(Math.abs(x - together.vectors[i]!) < 1e-5));
    await encoder.close();
    await index.close();
  });
});
