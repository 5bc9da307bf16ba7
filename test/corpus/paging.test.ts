import assert from 'node:assert/strict';
import { printCursor } from '../../src/corpus/cursor.js';
import type { Hit } from '../../src/corpus/nearest.js';
import { page } from '../../src/corpus/paging.js';

describe('pages', () => {
  it('of a cursor that nobody was given take a few searches, however many hits there are', async () => {
    const hit = (i: number) => ({ image: { id: i + 1, vectorId: i + 1 }, score: 1 - i / 10_000 }) as Hit;
    const cursor = printCursor('[null,null,null]', { offset: 0, image: { id: 1e9, vectorId: 1e9 }, score: -1 });
    for (const [total, end] of [
      [1500, 'no hits'],
      [20_000, 'CURSOR_INVALID'],
    ] as const) {
      const asked: number[] = [];
      const find = (count: number) => {
        asked.push(count);
        return Promise.resolve(Array.from({ length: Math.min(count, total) }, (_, i) => hit(i)));
      };
      const paged = page({ k: 1, cursor }, find);
      if (end === 'no hits') assert.deepEqual(await paged, { hits: [] });
      else await assert.rejects(paged, { code: end });
      assert.ok(asked.length < 20, `${asked.length} searches`);
      assert.ok(Math.max(...asked) < 10_010);
    }
  });
});
