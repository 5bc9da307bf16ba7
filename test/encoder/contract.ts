/** What every Encoder keeps to, tested on a tiny MatViT. */
import assert from 'node:assert/strict';
import type { Encoder } from '../../src/encoder/encoder.js';
import { MatvitError } from '../../src/errors.js';
import type { Checkpoint } from '../../src/model/checkpoint.js';
import { type OperatingPoint, parseOperatingPoint, precisions } from '../../src/model/operating-point.js';
import { dot, maxDifference, row } from '../support/numbers.js';
import { rejectsCode } from '../support/rejects.js';
import { tiny, tinyCheckpoint, tinyPixels } from '../support/tiny.js';

const point = (text: string): OperatingPoint => parseOperatingPoint(tiny, text);
const texts = ['XL', 'S', 'M1-L2', 'XL@8', 'S@24', 'L2-S1@32'];

/** Pixels are made anew for each call, since an encoder may take the buffer away. */
const embed = async (encoder: Encoder, seed: number, batch: number, text: string): Promise<Float32Array> => {
  const { vectors } = await encoder.embed(tinyPixels(seed, batch, point(text).resolution), point(text));
  return vectors;
};

export function encoderContract(name: string, create: (checkpoint: Checkpoint) => Promise<Encoder>): void {
  describe(`${name} keeps the Encoder contract`, () => {
    const checkpoint = tinyCheckpoint();
    let encoder: Encoder;
    before(async () => (encoder = await create(checkpoint)));
    after(() => encoder.close());

    it('says what it is', () => {
      assert.deepEqual(encoder.architecture, tiny);
      assert.equal(encoder.fingerprint, checkpoint.fingerprint);
      assert.ok(encoder.engine.length > 0 && encoder.concurrency >= 1 && encoder.cores >= 1);
      assert.ok(encoder.precisions.includes('fp32'));
    });

    it('gives one unit vector a picture', async () => {
      for (const text of texts) {
        const vectors = await embed(encoder, 1, 3, text);
        assert.equal(vectors.length, 3 * tiny.width);
        for (let i = 0; i < 3; i++) {
          const vector = row(vectors, tiny.width, i);
          assert.ok(Math.abs(dot(vector, vector) - 1) < 1e-5, `${text}: a vector of length² ${dot(vector, vector)}`);
        }
      }
    });

    it('measures how long it took', async () => {
      const { waitMs, encodeMs } = await encoder.embed(tinyPixels(1, 1, 16), point('XL'));
      assert.ok(waitMs >= 0 && encodeMs > 0);
    });

    it('gives a picture the same vector in any batch and at any place of it, at fp32', async () => {
      for (const text of texts) {
        const { resolution } = point(text);
        const pixels = tinyPixels(2, 5, resolution);
        const length = resolution * resolution * 3;
        const { vectors } = await encoder.embed(pixels.slice(), point(text));
        for (let i = 0; i < 5; i++) {
          const alone = await encoder.embed(pixels.slice(i * length, (i + 1) * length), point(text));
          const difference = maxDifference(alone.vectors, row(vectors, tiny.width, i));
          assert.ok(difference < 1e-6, `${text}, picture ${i}: ${difference}`);
        }
      }
    });

    it('gives the same vector on all the cores that a call can have', async () => {
      for (const precision of encoder.precisions) {
        const at = point(`XL:${precision}`);
        const one = await encoder.embed(tinyPixels(1, 1, 16), at);
        const all = await encoder.embed(tinyPixels(1, 1, 16), at, encoder.cores);
        assert.deepEqual([one.cores, all.cores], [1, encoder.cores]);
        assert.ok(maxDifference(all.vectors, one.vectors) < 1e-6, precision);
      }
    });

    it('takes pixels that are a view of a larger buffer', async () => {
      const pixels = tinyPixels(2, 2, 16);
      const { vectors } = await encoder.embed(pixels.subarray(pixels.length / 2), point('XL'));
      const both = await encoder.embed(pixels.slice(), point('XL'));
      assert.ok(maxDifference(vectors, row(both.vectors, tiny.width, 1)) < 1e-6);
    });

    it('gives different vectors for different submodels and resolutions', async () => {
      const vectors = await Promise.all(texts.map(text => embed(encoder, 3, 1, text)));
      vectors.forEach((a, i) =>
        vectors.forEach((b, j) => {
          if (i < j) assert.ok(maxDifference(a, b) > 1e-3, `${texts[i]} and ${texts[j]} agree`);
        }),
      );
    });

    it('does not mix up calls that are made at the same time', async () => {
      const calls = Array.from({ length: 24 }, (_, i) => ({ seed: i, text: texts[i % texts.length]! }));
      const together = await Promise.all(calls.map(({ seed, text }) => embed(encoder, seed, 1 + (seed % 3), text)));
      for (const [i, { seed, text }] of calls.entries()) {
        const alone = await embed(encoder, seed, 1 + (seed % 3), text);
        assert.ok(maxDifference(together[i]!, alone) < 1e-6, `call ${i} at ${text}`);
      }
    });

    it('refuses pixels that are not whole pictures', async () => {
      for (const length of [0, 1, 16 * 16 * 3 - 1, 16 * 16 * 3 + 1, 16 * 16])
        await rejectsCode('REQUEST_INVALID', encoder.embed(new Uint8Array(length), point('XL')));
    });

    it('refuses what is no submodel of its architecture, and resolutions that are no whole patches', async () => {
      for (const submodel of [[3], [], [3, 3, 3, 3], [3, 3, 4], [3, 3, -1], [3, 3, NaN], [3, 3, 0.5]])
        await rejectsCode('SUBMODEL_INVALID', encoder.embed(tinyPixels(1, 1, 16), { ...point('XL'), submodel }));
      for (const resolution of [18, 0, -16])
        await rejectsCode('RESOLUTION_INVALID', encoder.embed(tinyPixels(1, 1, 16), { ...point('XL'), resolution }));
      assert.equal((await embed(encoder, 1, 1, 'S')).length, tiny.width);
    });

    it('computes every precision that it says it does, and refuses the others', async () => {
      const full = await embed(encoder, 4, 1, 'XL');
      for (const precision of precisions) {
        const at = point(`XL:${precision}`);
        const call = encoder.embed(tinyPixels(4, 1, 16), at);
        if (encoder.precisions.includes(precision)) assert.ok(dot((await call).vectors, full) > 0.99, precision);
        else await rejectsCode('OPERATING_POINT_INVALID', call);
      }
    });

    it('refuses several pictures at int8, whose scales would mix them', async () => {
      const code = encoder.precisions.includes('int8') ? 'REQUEST_INVALID' : 'OPERATING_POINT_INVALID';
      await rejectsCode(code, encoder.embed(tinyPixels(5, 2, 16), point('XL:int8')));
    });

    it('works on after calls that it refused', async () => {
      const expected = await embed(encoder, 6, 1, 'S');
      await Promise.allSettled([
        encoder.embed(new Uint8Array(5), point('S')),
        encoder.embed(tinyPixels(5, 2, 16), point('S:int8')),
      ]);
      assert.ok(maxDifference(await embed(encoder, 6, 1, 'S'), expected) < 1e-6);
    });

    it('answers or refuses with a code what is under way when it is closed, and refuses all later calls', async () => {
      const other = await create(checkpoint);
      const expected = await embed(other, 7, 1, 'XL');
      const pending = Array.from({ length: 12 }, () => embed(other, 7, 1, 'XL'));
      const settled = Promise.allSettled(pending); // listens before the first one can be refused
      await other.close();
      for (const outcome of await settled) {
        if (outcome.status === 'fulfilled') assert.ok(maxDifference(outcome.value, expected) < 1e-6);
        else assert.equal(outcome.reason instanceof MatvitError && outcome.reason.code, 'ENCODER_CLOSED');
      }
      await rejectsCode('ENCODER_CLOSED', embed(other, 7, 1, 'XL'));
      await other.close(); // twice does no harm
    });
  });
}
