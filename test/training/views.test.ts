import assert from 'node:assert/strict';
import { type Pictures, tableColumns } from '../../src/training/pictures.js';
import { random } from '../../src/training/random.js';
import { type Augmentation, Views, pictureSampler } from '../../src/training/views.js';

type Colour = readonly [number, number, number];

/** Pictures whose left and right halves have a colour each, one class a picture. */
function halves(colours: readonly (readonly [Colour, Colour])[], side = 32): Pictures {
  const bytes = side * side * 3;
  const pixels = new SharedArrayBuffer(colours.length * bytes);
  const table = new Float64Array(new SharedArrayBuffer(colours.length * tableColumns * 8));
  colours.forEach(([left, right], i) => {
    const data = new Uint8Array(pixels, i * bytes, bytes);
    for (let p = 0; p < side * side; p++) data.set(p % side < side / 2 ? left : right, p * 3);
    table.set([i * bytes, side, side, 0, i], i * tableColumns);
  });
  return { pixels, table, classes: colours.map((_, i) => `${i}`), failed: 0 };
}

const red: Colour = [200, 0, 0];
const blue: Colour = [0, 0, 100];
const plain: Augmentation = { minArea: 1, jitter: 0, mixup: 0 };
const many = Array.from({ length: 60 }, (_, view) => view);
const viewsOf = (pictures: Pictures, augmentation: Partial<Augmentation>, seed = 1) =>
  new Views(pictures, { ...plain, ...augmentation }, seed);

describe('views', () => {
  it('are the same each time, at every resolution', async () => {
    const views = viewsOf(halves([[red, blue], [blue, red]]), { minArea: 0.3, jitter: 0.2, mixup: 0.5 }); // prettier-ignore
    const mean = (pixels: Uint8Array) =>
      [0, 1, 2].map(c => pixels.reduce((sum, x, i) => sum + (i % 3 === c ? x : 0), 0) / (pixels.length / 3));
    for (const view of many) {
      const small = await views.render(view, 24);
      assert.equal(small.length, 24 * 24 * 3);
      assert.deepEqual(await views.render(view, 24), small);
      const large = mean(await views.render(view, 48));
      mean(small).forEach((x, c) => assert.ok(Math.abs(x - large[c]!) < 3, `${view}: ${x}, ${large[c]}`));
    }
  });

  it('mix two pictures, and their labels in the same proportion', async () => {
    const pictures = halves([[red, red], [blue, blue]]); // prettier-ignore
    const views = viewsOf(pictures, { mixup: 1 });
    let both = 0;
    for (const view of many) {
      const labels = views.labels(view);
      assert.equal(labels.length, 2);
      assert.ok(Math.abs(labels[0]!.weight + labels[1]!.weight - 1) < 1e-12);
      assert.ok(labels[1]!.weight >= 0.1 && labels[1]!.weight <= 0.5);
      const share = labels.reduce((sum, { label, weight }) => sum + (label === 0 ? weight : 0), 0);
      const [r, , b] = await views.render(view, 16);
      assert.ok(Math.abs(r! - 200 * share) <= 1 && Math.abs(b! - 100 * (1 - share)) <= 1, `${r} ${b}, ${share}`);
      if (share > 0 && share < 1) both++;
    }
    assert.ok(both > 15 && both < 45, `${both}`); // the second is drawn as the first is
    assert.ok(many.every(view => viewsOf(pictures, {}).labels(view).length === 1));
  });

  it('are flipped half of the time', async () => {
    const views = viewsOf(halves([[red, blue]]), {});
    let flipped = 0;
    for (const view of many) flipped += Number((await views.render(view, 16))[0]! < 100);
    assert.ok(flipped > 15 && flipped < 45, `${flipped}`);
  });

  it('have other colours half of the time, by as much as they may', async () => {
    const views = viewsOf(halves([[red, red]]), { jitter: 0.2 });
    const reds: number[] = [];
    for (const view of many) reds.push((await views.render(view, 16))[0]!);
    const changed = reds.filter(r => r !== 200);
    assert.ok(changed.length > 15 && changed.length < 45, `${changed.length}`);
    assert.ok(Math.min(...reds) < 180 && Math.max(...reds) > 220 && Math.min(...reds) > 200 * 0.5);
  });

  it('are parts of a picture, no smaller than they may be', async () => {
    const views = viewsOf(halves([[red, blue]]), { minArea: 0.1 });
    const shares: number[] = [];
    for (const view of many) {
      const pixels = await views.render(view, 16);
      let left = 0;
      for (let i = 0; i < pixels.length; i += 3) left += Number(pixels[i]! > 100) / 256;
      shares.push(left);
    }
    assert.ok(Math.min(...shares) < 0.1 && Math.max(...shares) > 0.9, shares.join());
  });
});

describe('pictureSampler', () => {
  it('draws sources by the square root of their pixels, and the pictures of one alike', () => {
    // one picture of 10,000 pixels; four of 100 pixels: 100 to 20
    const rows = [[0, 100, 100, 7, 0], ...Array.from({ length: 4 }, () => [0, 10, 10, 3, 0])];
    const sample = pictureSampler(Float64Array.from(rows.flat()));
    const r = random(1);
    const drawn = rows.map(() => 0);
    for (let i = 0; i < 12_000; i++) drawn[sample(r)]!++;
    [10_000, 500, 500, 500, 500].forEach((expected, i) =>
      assert.ok(Math.abs(drawn[i]! - expected) < 5 * Math.sqrt(expected), drawn.join()),
    );
  });
});
