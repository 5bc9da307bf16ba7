import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import pMap from 'p-map';
import type { ImageIndex } from '../../src/corpus/image-index.js';
import { readCalibration, writeCalibration } from '../../src/corpus/calibration.js';
import { calibrate, isWorthAllCores } from '../../src/evaluation/calibrate.js';
import { queriesOf } from '../../src/evaluation/queries.js';
import { decode } from '../../src/image/decode.js';
import { parseOperatingPoint } from '../../src/model/operating-point.js';
import type { Model } from '../../src/model/bundle.js';
import type { Searcher } from '../../src/search/searcher.js';
import { rejectsCode } from '../support/rejects.js';
import { smallCheckpoint, smallSearcher } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

describe('calibrate', () => {
  const inFolder = temporaryFolder();
  let searcher: Searcher<ImageIndex>;
  before(async () => (searcher = await smallSearcher(inFolder('.'), 24, 2)));
  after(() => searcher.close());
  const options = { queries: 5, rounds: 2 };

  it('finds a frontier that ends with the full model, and reports progress', async () => {
    const seen = new Set<string>();
    const onProgress = (done: number, total: number, what: string) => {
      assert.ok(done <= total);
      seen.add(what);
    };
    const calibration = await calibrate(searcher.encoder, searcher.index, { ...options, onProgress });
    const { points, queries, pictures, fingerprint } = calibration;
    assert.deepEqual([queries, pictures, fingerprint], [5, 24, searcher.encoder.fingerprint]);
    assert.equal(points.at(-1)!.at, 'XL@224:fp32');
    assert.deepEqual(points.at(-1)!.fidelity, { top1Agreement: 1, recallAt10: 1, rbo: 1 });
    assert.equal(points.at(-1)!.scoreRatio, 1);
    const asked = await queriesOf(searcher.index, options.queries, 1, () => undefined);
    /** of a fifth of the five queries: the one that is least like anything */
    const lowestScore = async (at: string) => {
      const point = parseOperatingPoint(searcher.encoder.architecture, at);
      const best = await pMap(asked, async ({ id, bytes }) => {
        const { vectors } = await searcher.encoder.embed(await decode(bytes, point.resolution), point);
        const { hits } = await searcher.index.search(vectors, { k: 24 });
        return hits.find(({ image }) => image.id !== id)!.score;
      });
      return Math.min(...best);
    };
    const reference = await lowestScore('XL@224:fp32');
    for (const { at, decodeMs, encodeMs, encodeAloneMs, fidelity, scoreRatio } of points) {
      // left out where it is not above 0
      const expected = (await lowestScore(at)) / reference;
      assert.ok(Math.abs((scoreRatio ?? 0) - Math.max(0, expected)) < 1e-3, `${at} ${scoreRatio} ${expected}`);
      assert.ok(decodeMs.p50 > 0 && decodeMs.p95 >= decodeMs.p50 && encodeMs.p50 > 0 && encodeMs.p95 >= encodeMs.p50);
      assert.ok(!encodeAloneMs || encodeMs.p50 - encodeAloneMs.p50 >= 5, at); // not so small a model
      assert.ok(fidelity.rbo > 0 && fidelity.rbo <= 1);
    }
    const decodings = new Map(points.map(({ at, decodeMs }) => [at.replace(/:.*|.*@/g, ''), decodeMs]));
    for (const { at, decodeMs } of points) assert.deepEqual(decodeMs, decodings.get(at.replace(/:.*|.*@/g, '')), at);
    assert.ok(seen.has('queries') && seen.has('latency') && seen.has('fidelity'), [...seen].join());

    const model = { checkpoint: smallCheckpoint(), card: { name: '', description: '', provenance: [] } };
    const known = (of: Model) => readCalibration(inFolder('index'), of);
    assert.deepEqual(await known(model), { calibration: undefined, passedOver: undefined });
    await writeCalibration(inFolder('index'), calibration);
    assert.deepEqual(await known(model), { calibration, passedOver: undefined });
    const other = await known({ ...model, checkpoint: smallCheckpoint(2) });
    assert.equal(other.calibration, undefined);
    assert.match(other.passedOver!.message, /other weights/);
    for (const damaged of [[{ ...points[0]!, at: 'XS@96:int8' }, ...points.slice(1)], points.slice(0, -1)]) {
      await writeCalibration(inFolder('index'), { ...calibration, points: damaged });
      assert.equal((await known(model)).passedOver?.code, 'CALIBRATION_INVALID');
    }
    const defaults = { ...model, card: { ...model.card, calibration: { ...calibration, queries: 7 } } };
    const text = await readFile(inFolder('index/calibration.json'), 'utf8');
    await writeFile(inFolder('index/calibration.json'), text.slice(0, 100));
    const fallen = await known(defaults);
    assert.equal(fallen.calibration?.queries, 7); // falls back to the model's
    assert.equal(fallen.passedOver?.code, 'CALIBRATION_INVALID');
  });

  it('finds all cores worth having where they save time, and not only in the median', () => {
    const one = { p50: 31, p95: 33 };
    assert.equal(isWorthAllCores(one, { p50: 19, p95: 27 }), true);
    assert.equal(isWorthAllCores(one, { p50: 27, p95: 28 }), false); // too little
    assert.equal(isWorthAllCores(one, { p50: 19, p95: 33 }), false); // a core that waits for another
    assert.equal(isWorthAllCores({ p50: 19, p95: 27 }, one), false);
  });

  it('stops when it is interrupted', async () => {
    const signal = AbortSignal.abort();
    await rejectsCode('REQUEST_ABORTED', calibrate(searcher.encoder, searcher.index, { ...options, signal }));
  });
});
