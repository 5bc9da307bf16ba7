/** What a request will take at each operating point, on this machine, now: calibrated first, then learned. */
import { type PointProfile, type Quantiles, sumOf } from './frontier.js';
import { PredictionError } from './prediction-error.js';
import { StageModel } from './stage-model.js';

/** Milliseconds. */
export interface Prediction {
  readonly decode: Quantiles;
  readonly encode: Quantiles;
  /** both, as long as they hold a slot */
  readonly service: Quantiles;
}

/** What serving one request was seen to take, milliseconds. */
export interface ServiceTimes {
  readonly decodeMs: number;
  readonly encodeMs: number;
  /** from being given a slot to leaving it: both stages and the hops between threads */
  readonly serviceMs: number;
}

export interface LatencyOptions {
  /** requests served at once, at most */
  readonly slots: number;
  /** size of the pictures of the calibration, bytes (median) */
  readonly pictureBytes: number;
  /** from an embedding to its hits */
  readonly searchMs: Quantiles;
  /** from the hits to the answer's first byte */
  readonly replyMs: Quantiles;
}

/** Step of the margin, milliseconds: up 0.95 of it, down 0.05 of it. */
const marginStep = 0.1;

/**
 * Decoding takes as long as reading this many bytes even of the smallest picture: JPEGs from 14 kB to 2.7 MB took
 * 1.5 ms + 14 ms/MB to become 96 to 224 pixels (sharp 0.35, shrink-on-load, one core of a Zen 5).
 */
const overheadBytes = 100_000;

export class LatencyModel {
  readonly errors = { decode: new PredictionError(), encode: new PredictionError(), search: new PredictionError() };
  private readonly decode: StageModel;
  private readonly encode: StageModel;
  private readonly search: StageModel;
  private readonly reply: StageModel;
  /** milliseconds that p95 of the service is beyond that of its stages: hops between threads cost the same at each point */
  private margin = 0;

  constructor(
    points: readonly PointProfile[],
    private readonly options: LatencyOptions,
  ) {
    const { slots, searchMs, replyMs } = options;
    this.decode = new StageModel(
      points.map(point => point.decodeMs),
      slots,
    );
    this.encode = new StageModel(
      points.map(point => point.encodeMs),
      slots,
    );
    this.search = new StageModel([searchMs], 1);
    this.reply = new StageModel([replyMs], 1);
  }

  /**
   * @param point its place on the frontier
   * @param busy requests that will be served at the same time, this one included
   * @param bytes size of the picture; that of the calibration's pictures if undefined
   */
  predict(point: number, busy: number, bytes?: number): Prediction {
    const decode = this.decode.predict(point, busy, this.sizeFactor(bytes));
    const encode = this.encode.predict(point, busy);
    const { p50, p95 } = sumOf(decode, encode);
    return { decode, encode, service: { p50, p95: Math.max(p50, p95 + this.margin) } };
  }

  /** After a request was served at a point. @param busy and @param bytes as for predict */
  observe(point: number, busy: number, bytes: number | undefined, actual: ServiceTimes): void {
    const size = this.sizeFactor(bytes);
    const decode = this.decode.predict(point, busy, size);
    const encode = this.encode.predict(point, busy);
    this.errors.decode.add(decode.p50, actual.decodeMs);
    this.errors.encode.add(encode.p50, actual.encodeMs);
    const isBeyond = actual.serviceMs > sumOf(decode, encode).p95 + this.margin;
    this.margin += marginStep * (isBeyond ? 0.95 : -0.05);
    this.decode.observe(point, busy, actual.decodeMs, size);
    this.encode.observe(point, busy, actual.encodeMs);
  }

  /** After the index was searched with an embedding. */
  observeSearch(ms: number): void {
    this.errors.search.add(this.search.predict(0, 1).p50, ms);
    this.search.observe(0, 1, ms);
  }

  /** After an answer was sent. @param ms since it was ready */
  observeReply(ms: number): void {
    this.reply.observe(0, 1, ms);
  }

  /** Medians when the machine was as fast as it has been, milliseconds: of `service` as in predict, and of `answer`. */
  whenFastest(point: number, bytes?: number): { service: number; answer: number } {
    return {
      service: this.decode.whenFastest(point, this.sizeFactor(bytes)) + this.encode.whenFastest(point),
      answer: this.search.whenFastest(0) + this.reply.whenFastest(0),
    };
  }

  /** From leaving the slot to the answer's first byte. */
  answer(): Quantiles {
    return sumOf(this.search.predict(0, 1), this.reply.predict(0, 1));
  }

  /** How many times slower than at calibration the encoder is now. */
  get slowdown(): number {
    return this.encode.slowdown;
  }

  private sizeFactor(bytes = this.options.pictureBytes): number {
    return (overheadBytes + bytes) / (overheadBytes + this.options.pictureBytes);
  }
}
