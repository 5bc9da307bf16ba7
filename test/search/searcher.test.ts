import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readFilter } from '../../src/catalogue/parse-filter.js';
import type { ImageIndex } from '../../src/corpus/image-index.js';
import type { OperatingPoint } from '../../src/model/operating-point.js';
import { uncalibrated } from '../../src/planner/calibration.js';
import { fullPoint, parseOperatingPoint } from '../../src/model/operating-point.js';
import type { Cost } from '../../src/search/cost.js';
import { Searcher } from '../../src/search/searcher.js';
import { rejectsCode } from '../support/rejects.js';
import { picture, stripes } from '../corpus/pictures.js';
import { small, smallSearcher } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

const count = 30;
const full = fullPoint(small);
const at = (text: string): OperatingPoint => parseOperatingPoint(small, text);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('Searcher', () => {
  const inFolder = temporaryFolder();
  let searcher: Searcher<ImageIndex>;
  let paths: string[];
  before(async () => {
    searcher = await smallSearcher(inFolder('.'), count);
    paths = searcher.index.catalogue.images().map(image => image.path);
  });
  after(() => searcher.close());

  const file = (path: string): string => inFolder(`pictures/${path}`);
  const checkCost = ({ ms }: Cost): void => {
    const parts = [ms.decode, ms.wait, ms.encode, ms.search];
    assert.ok(parts.every(part => part >= 0) && ms.decode > 0 && ms.encode > 0, JSON.stringify(ms));
    assert.ok(ms.total >= parts.reduce((sum, part) => sum + part, 0) - 1e-6, JSON.stringify(ms));
  };

  it('finds each picture by itself', async () => {
    assert.equal(paths.length, count);
    for (const path of paths) {
      const { hits } = await searcher.search({ picture: file(path), k: 5, at: full });
      const [first, second] = hits;
      assert.equal(first!.path, path);
      assert.ok(first!.score > 0.999 && second!.score < 0.999, `${path}: ${first!.score}, ${second!.score}`);
      assert.deepEqual(first!.metadata, { label: path[0] });
      assert.equal(searcher.index.catalogue.image(first!.id)!.path, path);
      assert.deepEqual(
        hits.map(hit => hit.score),
        hits.map(hit => hit.score).sort((a, b) => b - a),
      );
    }
  });

  it('holds what it is sent to the limit of what is decoded whole, and its own pictures not', async () => {
    const limits = { maxBytes: 1e6, maxPixels: 1e6, maxWholePixels: 10 };
    const limited = new Searcher(searcher.encoder, searcher.index, { limits });
    const own = file(paths[7]!);
    assert.equal((await limited.search({ picture: own, k: 1, at: full })).hits[0]!.path, paths[7]);
    await rejectsCode('IMAGE_TOO_LARGE', limited.search({ picture: await readFile(own), k: 1, at: full }));
  });

  it('takes the bytes of a picture for the picture', async () => {
    const picture = file(paths[7]!);
    const [byPath, byBytes] = await Promise.all(
      [picture, await readFile(picture)].map(source => searcher.search({ picture: source, k: 3, at: full })),
    );
    assert.deepEqual(byBytes!.hits, byPath!.hits);
  });

  it('searches at every operating point and says what it cost', async () => {
    const shares: number[] = [];
    for (const text of ['XL@224:fp32', 'XL@160:fp32', 'S1-M1@112:fp32', 'S@112:fp32', 'S@112:int8']) {
      const { hits, cost } = await searcher.search({ picture: file(paths[3]!), k: 10, at: at(text) });
      assert.equal(cost.at, text);
      assert.equal(new Set(hits.map(hit => hit.id)).size, 10);
      checkCost(cost);
      shares.push(cost.relativeMacs);
    }
    assert.equal(shares[0], 1);
    assert.ok(shares[0] > shares[1]! && shares[1]! > shares[2]! && shares[2]! > shares[3]!, shares.join());
    assert.equal(shares[3], shares[4]);
  });

  it('answers many searches at the same time, each its own', async () => {
    const answers = await Promise.all(paths.map(path => searcher.search({ picture: file(path), k: 1, at: full })));
    assert.deepEqual(
      answers.map(({ hits }) => hits[0]!.path),
      paths,
    );
    for (const { cost } of answers) checkCost(cost);
  });

  it('gives all there are when k is larger', async () => {
    for (const k of [count, count + 1, 1000, Number.MAX_SAFE_INTEGER]) {
      const { hits } = await searcher.search({ picture: file(paths[0]!), k, at: full });
      assert.equal(new Set(hits.map(hit => hit.path)).size, count, `k = ${k}`);
    }
  });

  it('says nothing of familiarity in an index of so few', async () => {
    const answer = await searcher.search({ picture: file(paths[0]!), k: 1, at: full });
    assert.deepEqual([answer.familiarity, answer.nothingLikeIt], [undefined, undefined]);
  });

  it('lets a picture go once it is answered, whatever it was asked with', async () => {
    const given: WeakRef<Uint8Array>[] = [];
    const read = async (path: string) => ({ of: new Uint8Array(await readFile(file(path))), weight: 1 });
    const ask = async (pictures: number) => {
      const examples = await Promise.all(paths.slice(0, pictures).map(read));
      given.push(...examples.map(({ of }) => new WeakRef(of)));
      await searcher.searchLike(examples, { k: 1, at: full, signal: new AbortController().signal });
    };
    for (let i = 0; i < 3; i++) for (const pictures of [1, 2]) await ask(pictures);
    await setImmediate(); // a WeakRef holds what it was asked for in this turn
    collectGarbage();
    assert.equal(given.filter(ref => ref.deref()).length, 0);
  });

  it('passes on what is wrong with a picture', async () => {
    const cut = (await readFile(file(paths[0]!))).subarray(0, 60);
    await writeFile(inFolder('text.jpg'), 'text');
    const search = (picture: string | Uint8Array) => searcher.search({ picture, name: 'query', k: 1, at: full });
    await rejectsCode('IMAGE_EMPTY', search(new Uint8Array(0)));
    await rejectsCode('IMAGE_UNREADABLE', search(cut));
    await rejectsCode('IMAGE_UNSUPPORTED', search(inFolder('text.jpg')));
    await rejectsCode('FILE_UNREADABLE', search(inFolder('nothing.jpg')));
    await assert.rejects(search(cut), { detail: /^query: / });
    const { hits } = await searcher.search({ picture: file(paths[1]!), k: 1, at: full });
    assert.equal(hits[0]!.path, paths[1]);
  });
});

describe('a Searcher with two workers', () => {
  const inFolder = temporaryFolder();

  it('encodes a lone request on all cores, and those that come together on one each', async () => {
    const point = { ...uncalibrated('', 'XL@224:fp32').points[0]!, encodeAloneMs: { p50: 10, p95: 15 } };
    const { encoder, index } = await smallSearcher(inFolder('.'), 4, 2);
    const calibration = { ...uncalibrated(encoder.fingerprint, point.at), points: [point] };
    const searcher = new Searcher(encoder, index, { calibration });
    await searcher.warmUp();
    const { cores } = encoder;
    const [one, two] = searcher.index.catalogue.images().map(({ path }) => inFolder(`pictures/${path}`));
    const coresOf = async (picture: string | Uint8Array) => (await searcher.search({ picture, k: 1 })).cost.cores;
    assert.equal(await coresOf(one!), cores);
    const read = await Promise.all([one!, two!].map(path => readFile(path))); // by path either may be the first
    assert.equal((await Promise.all(read.map(coresOf)))[1], 1);
    const like = await searcher.searchLike([{ of: one!, weight: 1 }, { of: two!, weight: 1 }], { k: 1 }); // prettier-ignore
    assert.equal(like.cost!.cores, 1);
    const { cost } = await searcher.search({ picture: one!, k: 1, at: at('S@112:int8') });
    assert.equal(cost.cores, cores); // priced like the only point that is known
    await searcher.close();
  });
});

describe('a Searcher over an empty index', () => {
  const inFolder = temporaryFolder();

  it('tries its points before the first request all the same', async () => {
    await mkdir(inFolder('pictures'));
    const searcher = await smallSearcher(inFolder('.'), 0);
    await searcher.warmUp();
    assert.ok(Number.isFinite(searcher.planner.latency.errors.encode.median));
    await searcher.close();
  });
});

describe('a Searcher over an index of 110 pictures', () => {
  const inFolder = temporaryFolder();
  let plain: Searcher<ImageIndex>;
  let calibrated: Searcher<ImageIndex>;
  before(async () => {
    plain = await smallSearcher(inFolder('.'), 110);
    const calibration = uncalibrated(plain.encoder.fingerprint, 'XL@224:fp32');
    const [point] = calibration.points;
    const cheap = { ...point!, at: 'S@112:fp32', scoreRatio: 0.9 };
    calibrated = new Searcher(plain.encoder, plain.index, { calibration: { ...calibration, points: [cheap, point!] } });
  });
  after(() => plain.close());

  it('says how familiar a picture is, and when there is nothing like it', async () => {
    const own = await plain.search({ picture: await picture(200), k: 3, at: full });
    assert.ok(own.familiarity! > 0.02 && own.familiarity! <= 1 && own.nothingLikeIt === false, String(own.familiarity));
    const same = await plain.search({ picture: await picture(0), k: 3, at: full });
    assert.ok(same.familiarity! > 0.99);
    const other = await plain.search({ picture: await stripes(), k: 3, at: full });
    assert.ok(other.familiarity! <= 0.02 && other.nothingLikeIt, String(other.familiarity));
    assert.equal(other.hits.length, 3);
    const none = await plain.search({ picture: await stripes(), k: 3, minScore: 1, at: full });
    assert.deepEqual([none.hits.length, none.familiarity], [0, other.familiarity]); // though nothing is alike enough
    const found = await plain.searchLike([{ of: await stripes(), weight: 2 }], { k: 1, at: full });
    assert.deepEqual([found.familiarity, found.nothingLikeIt], [other.familiarity, true]);
  });

  it('takes the lower scores of other operating points into account, and says nothing where it does not know them', async () => {
    const request = { picture: await picture(200), k: 1, at: at('S@112:fp32') };
    const { hits, familiarity } = await calibrated.search(request);
    assert.equal(familiarity, await plain.index.familiarity(hits[0]!.score / 0.9));
    assert.equal((await plain.search(request)).familiarity, undefined);
    assert.equal((await calibrated.search({ ...request, at: at('S@96:fp32') })).familiarity, undefined);
  });

  it('says nothing of what is no first page of an unfiltered search for one picture', async () => {
    const request = { picture: await picture(200), k: 1, at: full };
    const { next, familiarity } = await plain.search(request);
    assert.notEqual(familiarity, undefined);
    const filter = readFilter({ label: '1' });
    for (const options of [{ cursor: next }, { offset: 1 }, { filter }])
      assert.equal((await plain.search({ ...request, ...options })).familiarity, undefined);
    const [like, unlike] = [await picture(201), await picture(202)];
    const examples = [like, unlike].map((of, i) => ({ of, weight: i === 0 ? 1 : -1 }));
    assert.equal((await plain.searchLike(examples, { k: 1, at: full })).familiarity, undefined);
    const vector = await plain.index.embedding(plain.index.catalogue.images()[0]!);
    assert.equal((await plain.searchLike([{ of: { vector }, weight: 1 }], { k: 1 })).familiarity, undefined);
  });
});
