import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync } from 'node:fs';
import { openScratch, pass, take } from '../../src/image/scratch.js';

describe('scratch', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i);

  it('passes bytes through the file, and as they are where it cannot hold them', function () {
    if (!existsSync('/dev/full')) this.skip();
    const [scratch, full] = [openScratch(), openSync('/dev/full', 'r+')];
    try {
      const through = pass(scratch, bytes);
      assert.deepEqual([through, take(scratch, through)], [{ length: 1000 }, bytes]);
      const asTheyAre = pass(full, bytes);
      assert.deepEqual([asTheyAre, take(full, asTheyAre)], [bytes, bytes]);
    } finally {
      [scratch, full].forEach(closeSync);
    }
  });
});
