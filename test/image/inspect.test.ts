import assert from 'node:assert/strict';
import { inspect } from '../../src/image/inspect.js';
import { quadrants, twoFrames } from './fixtures.js';

describe('inspect', () => {
  it('gives the format and the size', async () => {
    const picture = quadrants(64, 48);
    const expected = { width: 64, height: 48 };
    assert.deepEqual(await inspect(await picture.clone().jpeg().toBuffer()), { format: 'jpeg', ...expected });
    assert.deepEqual(await inspect(await picture.clone().avif().toBuffer()), { format: 'avif', ...expected });
    assert.deepEqual(await inspect(await twoFrames().gif().toBuffer()), { format: 'gif', ...expected });
    assert.deepEqual(await inspect(await twoFrames().webp().toBuffer()), { format: 'webp', ...expected });
  });

  it('gives the size of the upright picture', async () => {
    for (const [orientation, width] of [
      [1, 64],
      [3, 64],
      [6, 48],
      [8, 48],
    ] as const) {
      // prettier-ignore
      const found = await inspect(await quadrants(64, 48).withMetadata({ orientation }).jpeg().toBuffer());
      assert.deepEqual(found, { format: 'jpeg', width, height: 64 + 48 - width });
    }
  });
});
