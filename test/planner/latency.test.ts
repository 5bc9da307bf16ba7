import assert from 'node:assert/strict';
import { type Quantiles, type PointProfile } from '../../src/planner/frontier.js';
import { LatencyModel } from '../../src/planner/latency.js';
import { PredictionError } from '../../src/planner/prediction-error.js';
import { type Random, random } from '../../src/training/random.js';
import { five, fiveOrAlone, latencyOf, point } from './profiles.js';

/** standard deviation of the logarithm of a stage's time */
const sigma = { decode: 0.15, encode: 0.08 };
const z95 = 1.645;
const lognormal = (p50: number, s: number): Quantiles => ({ p50, p95: p50 * Math.exp(z95 * s) });

/** 16 points of 1.5 … 3 ms + 3 … 45 ms. */
const truth = Array.from({ length: 16 }, (_, i) => ({ decode: 1.5 + i / 10, encode: 3 * 15 ** (i / 15) }));
const pictureBytes = 50_000;

/** @param bias standard deviation of the calibration's error, in logarithms */
function modelOf(draw: Random, bias = 0): LatencyModel {
  const points = truth.map(({ decode, encode }, i): PointProfile => {
    const profile = point(`p${i}`, 1, 1, i / 15);
    const decodeMs = lognormal(decode * Math.exp(bias * draw.normal()), sigma.decode);
    return { ...profile, decodeMs, encodeMs: lognormal(encode * Math.exp(bias * draw.normal()), sigma.encode) };
  });
  const answer = { searchMs: lognormal(0.5, 0.1), replyMs: lognormal(0.5, 0.1) };
  return new LatencyModel(points, { slots: 2, pictureBytes, ...answer });
}

/** Serves requests whose points come from `pick`, on a machine `slow` times slower; collects what was predicted. */
function serve(
  model: LatencyModel,
  draw: Random,
  {
    requests,
    slow = 1,
    crowd = 1.2,
    hops = 0.1,
    pick,
  }: {
    requests: number;
    slow?: number;
    crowd?: number;
    hops?: number;
    pick: () => number;
  },
): { error: number; covered: number } {
  const errors = new PredictionError(requests);
  let covered = 0;
  for (let i = 0; i < requests; i++) {
    const at = pick();
    const busy = 1 + draw.below(2);
    const factor = slow * (busy === 2 ? crowd : 1);
    const decodeMs = truth[at]!.decode * factor * Math.exp(sigma.decode * draw.normal());
    const encodeMs = truth[at]!.encode * factor * Math.exp(sigma.encode * draw.normal());
    const serviceMs = decodeMs + encodeMs + hops;
    const predicted = model.predict(at, busy, { bytes: pictureBytes });
    errors.add(predicted.encode.p50, encodeMs);
    covered += Number(serviceMs <= predicted.service.p95) / requests;
    const made = { decodeMs: predicted.decode.p50, encodeMs: predicted.encode.p50 };
    model.observe(at, busy, {
      bytes: pictureBytes,
      actual: { decodeMs, encodeMs, serviceMs, cores: 1 },
      predicted: made,
    });
  }
  return { error: errors.median, covered };
}

describe('LatencyModel', () => {
  it('begins with the calibration', () => {
    const latency = latencyOf(five, 2, { p50: 1, p95: 4 }, { p50: 1, p95: 5 });
    const { decode, encode, service } = latency.predict(3, 1);
    const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);
    for (const [a, b] of [
      [decode.p50, 2],
      [encode.p95, 18],
      [service.p95, 20],
      [latency.answer().p95, 7],
    ] as const)
      near(a, b);
    assert.equal(latency.slowdown, 1);
    assert.ok(Number.isNaN(latency.errors.encode.median));
  });

  it('learns: errors near those of the noise, p95 above 95% of requests, from a calibration 10% off', () => {
    const noise = random(1);
    const model = modelOf(noise, 0.1);
    const pick = () => [3, 8, 15][noise.below(3)]!;
    serve(model, noise, { requests: 1500, pick });
    const { error, covered } = serve(model, noise, { requests: 3000, pick });
    // half of all normal deviations are within 0.6745 sigma: 5.4% is what nobody can predict
    assert.ok(error < 0.062, `median error ${error}`);
    assert.ok(Math.abs(covered - 0.95) < 0.015, `${covered} within p95`);
    assert.ok(model.errors.encode.median < 0.07);
  });

  it('does not take JPEGs for slow because other pictures are', () => {
    const model = modelOf(random(1));
    const [decodeMs, encodeMs] = [truth[3]!.decode, truth[3]!.encode];
    const serve = (whole: boolean, more: number) => {
      const { decode, encode } = model.predict(3, 1, { whole });
      const actual = { decodeMs: decodeMs + more, encodeMs, serviceMs: decodeMs + more + encodeMs, cores: 1 };
      model.observe(3, 1, { whole, actual, predicted: { decodeMs: decode.p50, encodeMs: encode.p50 } });
    };
    for (let i = 0; i < 200; i++) serve(false, 0);
    const before = model.predict(3, 1).service.p95;
    for (let i = 0; i < 1000; i++) serve(true, i % 2 ? 150 : 0);
    assert.ok(model.predict(3, 1, { whole: true }).service.p95 > 100);
    const { p95 } = model.predict(3, 1).service;
    assert.ok(Math.abs(p95 - before) < 1, `${p95} ms, ${before} before`);
  });

  it('forgets a bad minute of the hops in some hundred requests', () => {
    const model = modelOf(random(1));
    const serve = (hops: number) => {
      const { decode, encode, service } = model.predict(3, 1);
      const [decodeMs, encodeMs] = [decode.p50, encode.p50];
      const actual = { decodeMs, encodeMs, serviceMs: decodeMs + encodeMs + hops, cores: 1 };
      model.observe(3, 1, { actual, predicted: { decodeMs, encodeMs } });
      return service.p95;
    };
    const before = serve(0);
    for (let i = 0; i < 300; i++) serve(i % 2 ? 25 : 0);
    assert.ok(serve(0) > before + 15);
    for (let i = 0; i < 1200; i++) serve(0);
    assert.ok(serve(0) < before + 2);
  });

  it('predicts a point that has not been used for the machine as it is now', () => {
    for (const slow of [0.7, 1.8, 3]) {
      const noise = random(2);
      const model = modelOf(noise);
      serve(model, noise, { requests: 500, pick: () => 15 });
      serve(model, noise, { requests: 60, slow, pick: () => 15 });
      const { encode, decode } = model.predict(4, 1);
      assert.ok(
        Math.abs(Math.log(encode.p50 / (slow * truth[4]!.encode))) < 0.15,
        `encode ${encode.p50}, slow ${slow}`,
      );
      assert.ok(Math.abs(Math.log(decode.p50 / (slow * truth[4]!.decode))) < 0.2, `decode ${decode.p50}, slow ${slow}`);
    }
  });

  it('tells company on the other slots from a slow machine', () => {
    const noise = random(3);
    const model = modelOf(noise);
    serve(model, noise, { requests: 2000, crowd: 1.4, pick: () => noise.below(16) });
    const ratio = model.predict(7, 2).encode.p50 / model.predict(7, 1).encode.p50;
    assert.ok(Math.abs(ratio - 1.4) < 0.08, `ratio ${ratio}`);
    assert.ok(Math.abs(model.slowdown - 1) < 0.12, `slowdown ${model.slowdown}`);
  });

  it('shares what it learns of the spread with unused points, with long ones less', () => {
    const noise = random(5);
    const model = modelOf(noise);
    const spread = (at: number) => Math.log(model.predict(at, 1).encode.p95 / model.predict(at, 1).encode.p50);
    const calibrated = spread(15);
    for (let i = 0; i < 2000; i++) {
      const encodeMs = truth[2]!.encode * Math.exp(0.4 * noise.normal());
      const times = { decodeMs: truth[2]!.decode, encodeMs, serviceMs: encodeMs + 1, cores: 1 };
      model.observe(2, 1, { bytes: pictureBytes, actual: times, predicted: times });
    }
    assert.ok(Math.abs(spread(2) - z95 * 0.4) < 0.1, `${spread(2)}`);
    const [more, least] = [spread(15) - calibrated, spread(2) - calibrated];
    const exposure = Math.sqrt(truth[2]!.encode / truth[15]!.encode);
    assert.ok(Math.abs(more / least - exposure) < 1e-9, `${more} of ${least}`);
  });

  it('adds to p95 what the stages do not show', () => {
    const noise = random(4);
    const model = modelOf(noise);
    serve(model, noise, { requests: 2000, hops: 3, pick: () => 2 });
    const { covered } = serve(model, noise, { requests: 2000, hops: 3, pick: () => 2 });
    assert.ok(Math.abs(covered - 0.95) < 0.02, `${covered} within p95`);
  });

  it('is not upset by one request, however long it took', () => {
    const model = latencyOf(five, 2);
    const before = model.predict(1, 1).service.p95;
    const times = { decodeMs: 1000, encodeMs: 60_000, serviceMs: 61_000, cores: 1 };
    model.observe(1, 1, { actual: times, predicted: times });
    const after = model.predict(1, 1).service.p95;
    assert.ok(after > before && after < before * 1.15, `${before} became ${after}`);
  });

  it('expects larger pictures to take longer to decode, and learns from them without being misled', () => {
    const model = latencyOf(five, 2);
    const bytes = pictureBytes + 1_000_000;
    const large = model.predict(0, 1, { bytes });
    assert.ok(Math.abs(large.decode.p50 - 15) < 1e-9, `${large.decode.p50}`);
    assert.equal(large.encode.p50, model.predict(0, 1).encode.p50);
    assert.ok(model.predict(0, 1, { bytes: 100 }).decode.p50 > 0);
    const times = { decodeMs: 15, encodeMs: 1, serviceMs: 16, cores: 1 };
    for (let i = 0; i < 100; i++) model.observe(0, 1, { bytes, actual: times, predicted: times });
    assert.ok(Math.abs(model.predict(0, 1).decode.p50 - 1) < 1e-9);
  });

  it('keeps pictures that are decoded whole apart from JPEGs', () => {
    const model = latencyOf(five, 2);
    const times = { decodeMs: 60, encodeMs: 1, serviceMs: 61, cores: 1 };
    for (let i = 0; i < 100; i++) model.observe(0, 1, { whole: true, actual: times, predicted: times });
    assert.ok(Math.abs(model.predict(0, 1, { whole: true }).decode.p50 - 60) < 3);
    assert.ok(Math.abs(model.predict(0, 1).decode.p50 - 1) < 1e-9);
  });

  it('learns how long search and reply take', () => {
    const model = latencyOf(five, 2, { p50: 1, p95: 1 }, { p50: 1, p95: 1 });
    for (let i = 0; i < 300; i++) model.observeSearch(4);
    for (let i = 0; i < 300; i++) model.observeReply(1);
    assert.ok(Math.abs(model.answer().p50 - 5) < 0.2, `${model.answer().p50}`);
    for (let i = 0; i < 300; i++) model.observeReply(40, 'elaborate');
    assert.ok(model.answer('elaborate').p50 > 35 && model.answer().p50 < 5.2); // what is long to tell is apart
  });

  it('keeps searches that take long apart from those by picture alone, and leaves embeddings none', () => {
    const model = latencyOf(five, 2, { p50: 1, p95: 1 }, { p50: 1, p95: 1 });
    for (let i = 0; i < 300; i++) model.observeSearch(60, 'elaborate');
    assert.ok(Math.abs(model.answer('elaborate').p50 - 61) < 2, `${model.answer('elaborate').p50}`);
    assert.deepEqual([model.answer().p50, model.answer('none').p50], [2, 1]);
    assert.deepEqual([model.whenFastest(0).answer, model.whenFastest(0, { followUp: 'none' }).answer], [2, 1]);
  });

  it('is judged by what it had predicted, whatever it has learned since', () => {
    const model = latencyOf(five, 2);
    const times = { decodeMs: 1, encodeMs: 2, serviceMs: 3, cores: 1 };
    model.observe(0, 1, { actual: times, predicted: { decodeMs: 2, encodeMs: 1 } });
    assert.deepEqual([model.errors.decode.median, model.errors.encode.median], [1, 0.5]);
  });

  it('learns on one core how fast the machine is on all, but not how its times spread there', () => {
    const model = latencyOf(fiveOrAlone, 2);
    const encode = (alone: boolean) => model.predict(4, 1, { alone }).encode;
    assert.deepEqual([encode(false).p50, encode(true).p50].map(Math.round), [38, 20]);
    assert.deepEqual(model.predict(0, 1, { alone: true }), model.predict(0, 1)); // no faster there
    const made = { decodeMs: 2, encodeMs: 18 };
    for (let i = 0; i < 400; i++) {
      const slow = i % 10 === 9 ? 4 : 2;
      model.observe(3, 1, {
        actual: { decodeMs: 2, encodeMs: slow * 18, serviceMs: 2 + slow * 18, cores: 1 },
        predicted: made,
      });
    }
    for (const alone of [false, true]) assert.ok(Math.abs(encode(alone).p50 / (alone ? 20 : 38) - 2) < 0.05);
    assert.ok(encode(false).p95 > 1.01 * encode(false).p50 && encode(true).p95 === encode(true).p50);
    assert.ok(model.whenFastest(4).service < 23);
  });
});

describe('PredictionError', () => {
  it('is the median over the latest requests', () => {
    const errors = new PredictionError(3);
    for (const [predicted, actual] of [
      [10, 1],
      [10, 1],
      [9, 10],
      [10, 10],
      [15, 10],
    ] as const)
      errors.add(predicted, actual);
    assert.equal(errors.median, 0.1);
  });
});
