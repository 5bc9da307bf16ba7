import assert from 'node:assert/strict';
import { type Sharp, sharp } from '../../src/image/sharp.js';
import { thumbnail } from '../../src/image/thumbnail.js';
import { blue, draw, quadrants, red } from './fixtures.js';

const formats = ['webp', 'avif'] as const;

describe('thumbnail', () => {
  it('fits the size, keeps the proportions and never enlarges', async () => {
    for (const [width, height, expected] of [
      [800, 400, '200x100'],
      [400, 800, '100x200'],
      [80, 40, '80x40'],
      [3000, 1, '200x1'],
    ] as const)
      // prettier-ignore
      for (const format of formats) {
        const result = await thumbnail(await quadrants(width, height).png().toBuffer(), { size: 200, format });
        const found = await sharp(result).metadata();
        assert.equal(`${found.width}x${found.height}`, expected);
        assert.equal(found.format, format === 'avif' ? 'heif' : format);
      }
  });

  it('is upright, in sRGB and carries no metadata', async () => {
    const picture = draw(200, 100, x => (x < 100 ? red : blue)) // by orientation 6: red on top
      .withIccProfile('p3')
      .withExif({ IFD0: { Make: 'camera' } })
      .withMetadata({ orientation: 6 });
    for (const format of formats) {
      const result = await thumbnail(await picture.clone().jpeg({ quality: 100 }).toBuffer(), { size: 64, format });
      const { width, height, exif, icc, orientation } = await sharp(result).metadata();
      assert.deepEqual([width, height, exif, icc, orientation], [32, 64, undefined, undefined, undefined]);
      assertNear(await pixel(sharp(result), 16, 8), red, 12);
      assertNear(await pixel(sharp(result), 16, 56), blue, 12);
    }
  });

  it('keeps transparency', async () => {
    const source = await draw(64, 64, x => [...red, x < 32 ? 0 : 255]).png().toBuffer(); // prettier-ignore
    for (const format of formats) {
      const result = sharp(await thumbnail(source, { size: 64, format }));
      assert.equal((await pixel(result, 8, 32))[3], 0);
      assertNear((await pixel(result, 56, 32)).slice(0, 3), red, 12);
    }
  });
});

async function pixel(picture: Sharp, x: number, y: number): Promise<number[]> {
  return [...(await picture.clone().extract({ left: x, top: y, width: 1, height: 1 }).raw().toBuffer())];
}

function assertNear(found: readonly number[], expected: readonly number[], tolerance: number): void {
  const worst = Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)));
  assert.ok(worst <= tolerance, `${found.join()} is not ${expected.join()} +-${tolerance}`);
}
