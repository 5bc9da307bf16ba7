import assert from 'node:assert/strict';
import { OnnxEncoder } from '../../src/encoder/onnx.js';
import { type LabelledPicture, defaultPoints, evaluate } from '../../src/evaluation/evaluate.js';
import { decode } from '../../src/image/decode.js';
import { relativeMacs } from '../../src/model/cost.js';
import { type OperatingPoint, fullPoint, parseOperatingPoint } from '../../src/model/operating-point.js';
import { picture, writeFiles } from '../corpus/pictures.js';
import { initialise } from '../../src/training/initialise.js';
import { dot } from '../support/numbers.js';
import { rejectsCode } from '../support/rejects.js';
import { small, smallCheckpoint } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

const names = ['XL@224:fp32', 'M@160:fp32', 'S@112:fp32', 'S@112:int8'];

describe('evaluate', () => {
  const inFolder = temporaryFolder();
  let encoder: OnnxEncoder;
  let gallery: LabelledPicture[];
  let queries: LabelledPicture[];

  /** `count` pictures of random labels, so that no figure is 0 or 1 by construction. */
  const write = async (kind: string, count: number, from: number): Promise<LabelledPicture[]> => {
    const pictures = Array.from({ length: count }, (_, i) => ({
      path: inFolder(`${kind}/${i}.png`),
      label: `class ${(i * 7) % 3}`,
    }));
    for (const [i] of pictures.entries()) writeFiles(inFolder(kind), { [`${i}.png`]: await picture(from + i) });
    return pictures;
  };
  before(async () => {
    encoder = await OnnxEncoder.create(smallCheckpoint(), 2);
    gallery = await write('gallery', 40, 0);
    queries = await write('queries', 15, 100);
  });
  after(() => encoder.close());

  const points = () => names.map(name => parseOperatingPoint(small, name));
  const options = () => ({ encoder, decode, gallery, queries, points: points() });

  it('counts what a plain reckoning counts', async () => {
    const embed = async ({ path }: LabelledPicture, point: OperatingPoint) =>
      (await encoder.embed(await decode(path, point.resolution), point)).vectors;
    const stored = await Promise.all(gallery.map(picture => embed(picture, fullPoint(small))));
    const ranking = async (query: LabelledPicture, point: OperatingPoint): Promise<LabelledPicture[]> => {
      const vector = await embed(query, point);
      const scored = gallery.map((picture, i) => ({ picture, score: dot(stored[i]!, vector) }));
      return scored.sort((a, b) => b.score - a.score).map(({ picture }) => picture);
    };
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const reference = await Promise.all(queries.map(query => ranking(query, fullPoint(small))));
    const results = await evaluate(options());
    assert.deepEqual(
      results.map(({ at }) => at),
      names,
    );
    for (const [p, point] of points().entries()) {
      const rankings = await Promise.all(queries.map(query => ranking(query, point)));
      const found = rankings.map(ranked => ranked.slice(0, 10));
      const expected = {
        accuracy1nn: mean(found.map(([first], q) => Number(first!.label === queries[q]!.label))),
        top1Agreement: mean(found.map(([first], q) => Number(first === reference[q]![0]))),
        recallAt10: mean(found.map((ten, q) => ten.filter(one => reference[q]!.indexOf(one) < 10).length / 10)),
      };
      const { at, relativeMacs: share, ...figures } = results[p]!;
      for (const key of ['accuracy1nn', 'top1Agreement', 'recallAt10'] as const)
        assert.ok(Math.abs(figures[key] - expected[key]) < 1e-9, `${at} ${key}: ${figures[key]} v ${expected[key]}`);
      assert.equal(share, relativeMacs(small, point));
    }
    const [full, , smallest] = results;
    assert.deepEqual([full!.relativeMacs, full!.top1Agreement, full!.recallAt10], [1, 1, 1]);
    assert.ok(smallest!.recallAt10 < 1 && smallest!.recallAt10 > 0, 'the example is too easy or too hard to tell');
  });

  it('finds every picture in a gallery that holds it', async () => {
    const [full] = await evaluate({ ...options(), queries: gallery, points: [fullPoint(small)] });
    assert.deepEqual(full, { at: 'XL@224:fp32', relativeMacs: 1, accuracy1nn: 1, top1Agreement: 1, recallAt10: 1 });
  });

  it('can search the gallery of another model, whose queries are then the measure', async () => {
    const other = await OnnxEncoder.create(smallCheckpoint(2), 1);
    try {
      const whole = { ...options(), queries: gallery, points: [fullPoint(small)] };
      const [stranger] = await evaluate({ ...whole, galleryEncoder: other });
      const [itself] = await evaluate({ ...whole, encoder: other, galleryEncoder: other });
      assert.equal(itself!.top1Agreement, 1);
      assert.ok(stranger!.top1Agreement < 0.5, 'vectors of other weights should not compare');
    } finally {
      await other.close();
    }
  });

  it('embeds the gallery of another model as that one does by itself', async () => {
    // deeper, and for smaller pictures: it has no point of this encoder's
    const other = await OnnxEncoder.create(initialise({ ...small, depth: 3, resolution: 160 }, 2), 1);
    const sides = new Map(gallery.map(({ path }) => [path, new Set<number>()]));
    const recording = (path: string, side: number) => {
      sides.get(path)?.add(side);
      return decode(path, side);
    };
    try {
      const at = fullPoint(other.architecture);
      const [itself] = await evaluate({ ...options(), encoder: other, points: [at], decode: recording });
      assert.equal(itself!.top1Agreement, 1);
      const [stranger] = await evaluate({ ...options(), galleryEncoder: other, points: [fullPoint(small)] });
      assert.ok(stranger!.recallAt10 < 1);
      await evaluate({ ...options(), galleryEncoder: other, decode: recording });
      for (const seen of sides.values()) assert.deepEqual([...seen], [160]);
    } finally {
      await other.close();
    }
  });

  it('refuses labels that tell nothing', async () => {
    const relabelled = (pictures: LabelledPicture[], label: string) => pictures.map(({ path }) => ({ path, label }));
    const images = relabelled(gallery, 'images');
    await rejectsCode('OPTION_INVALID', evaluate({ ...options(), gallery: images }));
    await rejectsCode('OPTION_INVALID', evaluate({ ...options(), gallery: images, queries: images }));
    await rejectsCode('OPTION_INVALID', evaluate({ ...options(), queries: relabelled(queries, 'of their own') }));
  });

  it('gives a whole recall for a gallery of fewer than ten', async () => {
    const results = await evaluate({ ...options(), gallery: gallery.slice(0, 4) });
    for (const { recallAt10 } of results) assert.equal(recallAt10, 1);
  });

  it('tells its progress to the end', async () => {
    const seen: [number, number][] = [];
    await evaluate({ ...options(), points: points().slice(1), onProgress: (...progress) => seen.push(progress) });
    const total = 40 + 15 * 4; // the gallery, and the queries at XL@224 and three points
    assert.deepEqual(seen.at(-1), [total, total]);
    assert.equal(seen.length, total);
  });

  it('ends at a picture that cannot be read', async () => {
    writeFiles(inFolder('.'), { 'bad.png': 'bad' });
    const bad = { path: inFolder('bad.png'), label: 'bad' };
    await rejectsCode('IMAGE_UNSUPPORTED', evaluate({ ...options(), queries: [...queries, bad] }));
    await rejectsCode('IMAGE_UNSUPPORTED', evaluate({ ...options(), gallery: [...gallery, bad] }));
  });

  it('looks at points that exist unless told otherwise', () => {
    const all = defaultPoints(encoder);
    assert.equal(new Set(all).size, 24);
    for (const name of all) parseOperatingPoint(small, name);
    const ofGpu = defaultPoints({ architecture: small, precisions: ['fp32'] }).map(
      name => parseOperatingPoint(small, name).precision,
    );
    assert.deepEqual(ofGpu, Array(12).fill('fp32'));
  });
});
