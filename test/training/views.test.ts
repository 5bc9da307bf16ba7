import assert from 'node:assert/strict';
import { type Pictures, tableColumns } from '../../src/training/pictures.js';
import { random } from '../../src/training/random.js';
import { type Augmentation, Views, pictureSampler } from '../../src/training/views.js';

type Colour = readonly [number, number, number];

/** Square pictures, each with a class of its own, by the colour at a column and a row of the i-th. */
function painted(count: number, side: number, colour: (x: number, y: number, i: number) => Colour): Pictures {
  const bytes = side * side * 3;
  const pixels = new SharedArrayBuffer(count * bytes);
  const table = new Float64Array(new SharedArrayBuffer(count * tableColumns * 8));
  for (let i = 0; i < count; i++) {
    const data = new Uint8Array(pixels, i * bytes, bytes);
    for (let p = 0; p < side * side; p++) data.set(colour(p % side, Math.floor(p / side), i), p * 3);
    table.set([i * bytes, side, side, 0, i], i * tableColumns);
  }
  return { pixels, table, classes: Array.from({ length: count }, (_, i) => `${i}`), failed: 0 };
}

/** Pictures whose left and right halves have a colour each. */
const halves = (colours: readonly (readonly [Colour, Colour])[], side = 32): Pictures =>
  painted(colours.length, side, (x, _, i) => colours[i]![x < side / 2 ? 0 : 1]);

/** One whose red tells the column, and whose green tells the row. */
const graded = painted(1, 64, (x, y) => [4 * x, 4 * y, 0]);

const red: Colour = [200, 0, 0];
const blue: Colour = [0, 0, 100];
const plain: Augmentation = { minArea: 1, jitter: 0, hue: 0, mixup: 0 };
const many = Array.from({ length: 60 }, (_, view) => view);
const viewsOf = (pictures: Pictures, augmentation: Partial<Augmentation>, seed = 1) =>
  new Views(pictures, { ...plain, ...augmentation }, seed);

describe('views', () => {
  it('are the same each time, at every resolution', async () => {
    const views = viewsOf(halves([[red, blue], [blue, red]]), { minArea: 0.3, jitter: 0.2, hue: 0.3, mixup: 0.5 }); // prettier-ignore
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

  it('are other ones with another seed', async () => {
    const [one, other] = [1, 2].map(seed => viewsOf(graded, { minArea: 0.3 }, seed)) as [Views, Views];
    let same = 0;
    for (const view of many)
      same += Number(Buffer.compare(await one.render(view, 16), await other.render(view, 16)) === 0);
    assert.ok(same < 5, `${same}`);
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

  it('have their hue turned as often as asked for and by any angle, and neither their brightness nor their greys', async () => {
    const colour: Colour = [140, 120, 100];
    const grey: Colour = [90, 90, 90];
    const seen = new Set<string>();
    const views = viewsOf(halves([[colour, grey]]), { hue: 0.5 });
    let turned = 0;
    for (const view of many) {
      const pixels = [...(await views.render(view, 16))];
      const [left, right] = [pixels.slice(0, 3), pixels.slice(-3)] as [number[], number[]];
      const [a, b] = left.every(x => x === 90) ? [right, left] : [left, right]; // it may be flipped
      assert.deepEqual(b, grey);
      const length = Math.hypot(...a.map(x => x - 120));
      assert.ok(Math.abs(a[0]! + a[1]! + a[2]! - 360) <= 2 && Math.abs(length - 20 * Math.SQRT2) < 1.5, a.join());
      turned += Number(a.join() !== colour.join());
      seen.add(a.join());
    }
    assert.ok(turned > 15 && turned < 45, `${turned}`);
    assert.ok(seen.size > 15, `${seen.size}`);
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

  it('are brighter, of more contrast and of more colour by factors that all their pixels share', async () => {
    const jitter = 0.2;
    const left: Colour = [60, 170, 110];
    const right: Colour = [100, 40, 110]; // darker, whatever the factors
    const luma = ([r, g, b]: Colour) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
    const views = viewsOf(halves([[left, right]]), { jitter });
    const factors: { brightness: number; contrast: number; saturation: number }[] = [];
    for (const view of many) {
      const pixels = [...(await views.render(view, 16))];
      const ends = [pixels.slice(0, 3), pixels.slice(45, 48)] as unknown as [Colour, Colour];
      const [l, r] = luma(ends[0]) > luma(ends[1]) ? ends : [ends[1], ends[0]]; // it may be flipped
      // lumas tell brightness and contrast, whatever the saturation, and the left one's red then tells that
      const scale = (luma(l) - luma(r)) / (luma(left) - luma(right));
      const contrast = 1 - (luma(l) - scale * luma(left)) / 128;
      const saturation = (l[0] - luma(l)) / (scale * (left[0] - luma(left)));
      for (const [before, after] of [
        [left, l],
        [right, r],
      ] as const)
        for (const c of [0, 1, 2] as const) {
          const coloured = luma(before) + saturation * (before[c] - luma(before));
          const expected = scale * coloured + 128 * (1 - contrast);
          assert.ok(Math.abs(after[c] - expected) < 3, `${view}: ${after.join()}, ${expected}`);
        }
      if (l.some((x, c) => Math.abs(x - left[c]!) > 1))
        factors.push({ brightness: scale / contrast, contrast, saturation });
    }
    for (const kind of ['brightness', 'contrast', 'saturation'] as const) {
      const drawn = factors.map(factor => factor[kind]);
      const [least, most] = [Math.min(...drawn), Math.max(...drawn)];
      assert.ok(least > 0.77 && least < 0.87 && most > 1.13 && most < 1.23, `${kind}: ${drawn.join()}`);
    }
  });

  it('are parts of a picture from anywhere, no smaller than they may be', async () => {
    const views = viewsOf(graded, { minArea: 0.3 });
    const areas: number[] = [];
    const edges: { near: number; far: number }[][] = [[], []]; // left and right; top and bottom
    for (const view of many) {
      const pixels = await views.render(view, 16);
      const lengths = [1, 16].map((stride, channel) => {
        const across = (17 - stride) * 8; // half-way along the other axis
        const at = (i: number) => (pixels[3 * (stride * i + across) + channel]! + 2) / 4;
        const length = 2 * (at(12) - at(4)); // resampling keeps the slope away from the edges; flipped, it is negative
        const middle = (at(7) + at(8)) / 2;
        edges[channel]!.push({ near: middle - Math.abs(length) / 2, far: middle + Math.abs(length) / 2 });
        return Math.abs(length);
      });
      areas.push((lengths[0]! * lengths[1]!) / 64 ** 2);
    }
    assert.ok(Math.min(...areas) > 0.27 && Math.min(...areas) < 0.4 && Math.max(...areas) > 0.85, areas.join());
    for (const both of edges) {
      const [near, far] = [both.map(edge => edge.near), both.map(edge => edge.far)];
      assert.ok(Math.min(...near) > -2 && Math.min(...near) < 4 && Math.max(...near) > 12, near.join());
      assert.ok(Math.min(...far) < 52 && Math.max(...far) > 60 && Math.max(...far) < 66, far.join());
    }
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
