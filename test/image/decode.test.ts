import assert from 'node:assert/strict';
import { decode } from '../../src/image/decode.js';
import { type Sharp } from '../../src/image/sharp.js';
import { blue, draw, green, quadrants, ramps, red, twoFrames, yellow } from './fixtures.js';

/** Asserts that the pixel at (x, y), as shares of the sides, has this colour. */
function assertColour(pixels: Uint8Array, x: number, y: number, colour: readonly number[], tolerance = 0): void {
  const resolution = Math.sqrt(pixels.length / 3);
  const offset = (Math.floor(y * resolution) * resolution + Math.floor(x * resolution)) * 3;
  const found = [...pixels.subarray(offset, offset + 3)];
  const worst = Math.max(...found.map((value, i) => Math.abs(value - colour[i]!)));
  assert.ok(worst <= tolerance, `(${x}, ${y}) is ${found.join()}, not ${colour.join()} +-${tolerance}`);
}

/** Asserts the colours in the four quarters: top left, top right, bottom left, bottom right. */
function assertQuadrants(pixels: Uint8Array, colours: readonly (readonly number[])[], tolerance = 0): void {
  for (const [i, colour] of colours.entries())
    for (const inset of [0.05, 0.25, 0.45])
      assertColour(pixels, (i % 2) * 0.5 + inset, (i >> 1) * 0.5 + inset, colour, tolerance);
}

const decoded = async (picture: Sharp, resolution = 64): ReturnType<typeof decode> =>
  decode(await picture.toBuffer(), resolution);

describe('decode', () => {
  it('keeps every pixel of a lossless picture that has the resolution already', async () => {
    const raw = await ramps(48, 48).raw().toBuffer();
    for (const picture of [ramps(48, 48).png(), ramps(48, 48).webp({ lossless: true })])
      assert.deepEqual([...(await decoded(picture, 48))], [...raw]);
  });

  it('gives pixels in an ArrayBuffer of their own that can be transferred', async () => {
    const pixels = await decoded(quadrants().png(), 32);
    assert.equal(pixels.constructor, Uint8Array);
    assert.equal(pixels.byteOffset, 0);
    assert.equal(pixels.buffer.byteLength, 32 * 32 * 3);
    assert.equal(structuredClone(pixels, { transfer: [pixels.buffer] }).length, 32 * 32 * 3);
    assert.equal(pixels.length, 0);
  });

  it('reads all six formats', async () => {
    const colours = [red, green, blue, yellow];
    assertQuadrants(await decoded(quadrants().png()), colours);
    assertQuadrants(await decoded(quadrants().gif()), colours);
    assertQuadrants(await decoded(quadrants().tiff({ compression: 'lzw' })), colours);
    const fine = { quality: 100, chromaSubsampling: '4:4:4' };
    assertQuadrants(await decoded(quadrants().jpeg(fine)), colours, 3);
    assertQuadrants(await decoded(quadrants().jpeg({ ...fine, progressive: true })), colours, 3);
    assertQuadrants(await decoded(quadrants().avif({ ...fine, effort: 0 })), colours, 4);
    assertQuadrants(await decoded(quadrants().webp({ quality: 100 })), colours, 6);
  });

  // 1,000 x 700: JPEG and WebP are shrunk while they are loaded
  for (const [width, height] of [
    [1000, 700],
    [700, 1000],
    [96, 64],
    [40, 30],
  ] as const)
    // prettier-ignore
    it(`resizes the short side and crops the centre of ${width} x ${height}`, async () => {
      const side = Math.min(width, height);
      for (const picture of [ramps(width, height).png(), ramps(width, height).jpeg({ quality: 100 })]) {
        const pixels = await decoded(picture, 112);
        for (const at of [0.1, 0.5, 0.9]) {
          const inSource = (length: number): number => (((length - side) / 2 + at * side) / length) * 255;
          assertColour(pixels, at, at, [inSource(width), inSource(height), 128], 4);
        }
      }
    });

  it('looks at the part that is asked for, of the upright picture', async () => {
    for (const orientation of [1, 3, 6, 8]) {
      const picture = await quadrants().withMetadata({ orientation }).png().toBuffer();
      const upright = await decode(picture, 64);
      for (const [x, y] of [
        [0, 0],
        [0.5, 0],
        [0, 0.5],
        [0.5, 0.5],
      ] as const) {
        // prettier-ignore
        const part = await decode(picture, 32, { crop: { x, y, width: 0.5, height: 0.5 } });
        const at = (Math.floor((y + 0.25) * 64) * 64 + Math.floor((x + 0.25) * 64)) * 3;
        assertQuadrants(part, Array<number[]>(4).fill([...upright.subarray(at, at + 3)]));
      }
    }
    const corner = await decode(await ramps(256, 256).png().toBuffer(), 64, {
      crop: { x: 0.5, y: 0.25, width: 0.25, height: 0.25 },
    });
    for (const at of [0.1, 0.5, 0.9])
      assertColour(corner, at, at, [(0.5 + at / 4) * 255, (0.25 + at / 4) * 255, 128], 2);
  });

  it('turns a picture upright by each of the eight EXIF orientations', async () => {
    // what a viewer shows for 1 = as stored, 2 = mirrored, 3 = turned by 180 degrees, ... (EXIF 2.32, tag 0x0112)
    const upright = [
      [red, green, blue, yellow],
      [green, red, yellow, blue],
      [yellow, blue, green, red],
      [blue, yellow, red, green],
      [red, blue, green, yellow],
      [blue, red, yellow, green],
      [yellow, green, blue, red],
      [green, yellow, red, blue],
    ];
    for (const [i, colours] of upright.entries())
      for (const picture of [quadrants(400, 300), quadrants(64, 64)])
        assertQuadrants(await decoded(picture.withMetadata({ orientation: i + 1 }).png()), colours);
  });

  it('crops elongated pictures alike, however they are turned', async () => {
    const stripes = draw(4000, 100, x => (x < 2000 ? red : blue));
    const turned = stripes.clone().withMetadata({ orientation: 6 }); // by 90 degrees: red on top
    assertQuadrants(await decoded(stripes.png()), [red, blue, red, blue]);
    assertQuadrants(await decoded(turned.png()), [red, red, blue, blue]);
  });

  it('puts transparent pictures onto white', async () => {
    const half = (alpha: number): Sharp => draw(64, 64, x => (x < 32 ? [...red, alpha] : [...blue, 255]));
    const pink = red.map(value => 255 - (255 - value) * (100 / 255));
    for (const [alpha, left] of [
      [0, [255, 255, 255]],
      [100, pink],
    ] as const)
      // prettier-ignore
      for (const picture of [half(alpha).png(), half(alpha).toColourspace('rgb16').png()])
        assertQuadrants(await decoded(picture, 64), [left, blue, left, blue], 1);
    assertQuadrants(await decoded(half(0).gif()), [[255, 255, 255], blue, [255, 255, 255], blue]);
    assertQuadrants(await decoded(half(0).webp({ lossless: true })), [[255, 255, 255], blue, [255, 255, 255], blue]);
  });

  it('makes three equal channels of greyscale', async () => {
    const grey = draw(64, 64, x => (x < 32 ? [0, 0, 0] : [180, 180, 180])).toColourspace('b-w');
    const black = [0, 0, 0];
    const light = [180, 180, 180];
    for (const picture of [grey.clone().png(), grey.clone().jpeg({ quality: 100 })])
      assertQuadrants(await decoded(picture), [black, light, black, light], 1);
    const sixteen = draw(64, 64, () => [180, 180, 180])
      .toColourspace('grey16')
      .png();
    assertColour(await decoded(sixteen), 0.5, 0.5, light);
  });

  it('converts 16 bits a channel and other colour spaces to sRGB', async () => {
    const colours = [red, green, blue, yellow];
    assertQuadrants(await decoded(quadrants().toColourspace('rgb16').png()), colours);
    assertQuadrants(await decoded(quadrants().toColourspace('scrgb').tiff({ compression: 'none' })), colours, 1);
    assertQuadrants(await decoded(quadrants().withIccProfile('p3').png()), colours, 2);
    for (const profile of ['srgb', 'p3'])
      assertQuadrants(await decoded(quadrants().toColourspace('rgb16').withIccProfile(profile).png()), colours, 2);
  });

  it('converts CMYK, which holds pale colours best', async () => {
    const pale = draw(64, 64, () => [200, 170, 150]).toColourspace('cmyk');
    for (const picture of [pale.clone().jpeg({ quality: 100 }), pale.clone().tiff({ compression: 'lzw' })])
      assertColour(await decoded(picture), 0.5, 0.5, [200, 170, 150], 8);
  });

  it('takes the first frame of an animation', async () => {
    for (const picture of [twoFrames().gif(), twoFrames().webp({ lossless: true })])
      assertQuadrants(await decoded(picture), [red, red, red, red]);
  });

  it('enlarges small pictures, down to one pixel', async () => {
    const pixels = await decoded(draw(1, 1, () => red).png(), 224);
    assert.equal(pixels.length, 224 * 224 * 3);
    assertQuadrants(pixels, [red, red, red, red]);
    const four = await decoded(quadrants(2, 2).png(), 224);
    for (const [i, colour] of [red, green, blue, yellow].entries())
      assertColour(four, (i % 2) * 0.5 + 0.25, (i >> 1) * 0.5 + 0.25, colour, 4);
  });
});
