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

/** What is known of a picture before it is decoded. */
export interface PictureFacts {
  /** its size; that of the calibration's pictures if undefined */
  readonly bytes?: number | undefined;
  /** is it decoded whole whatever the resolution, unlike a JPEG? */
  readonly whole?: boolean | undefined;
}

/** What is known of a request before it is served. */
export interface Work extends PictureFacts {
  /** how many times the point's encoding */
  readonly times?: number;
  /** is it encoded on all cores, where that is faster? */
  readonly alone?: boolean;
}

/** What serving one request was seen to take, milliseconds. */
export interface ServiceTimes {
  readonly decodeMs: number;
  readonly encodeMs: number;
  /** from being given a slot to leaving it: both stages and the hops between threads */
  readonly serviceMs: number;
  /** that encoded it */
  readonly cores: number;
}

/** What follows once a picture is encoded: a search by picture alone, one with filters, facets or many hits, or none. */
export type FollowUp = Searching | 'none';
export type Searching = 'search' | 'elaborate';

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

/** Step of the margin: up 0.95 of it, down 0.05 of it. Milliseconds, or a share of what it is, so that a bad minute is gone soon. */
const marginStep = { least: 0.1, share: 0.05 };

/**
 * What a byte more takes to decode, milliseconds: JPEGs from 14 kB to 2.7 MB took 1.5 ms + 14 ms/MB to become 96 to 224
 * pixels (sharp 0.35, shrink-on-load, one core of a Zen 5).
 */
const msPerByte = 14e-6;
/** No picture is taken to be decoded faster than this share of the calibration's pictures. */
const leastSizeFactor = 0.1;

type Kind = 'jpeg' | 'whole';
const kindOf = ({ whole = false }: PictureFacts): Kind => (whole ? 'whole' : 'jpeg');

export class LatencyModel {
  readonly errors = { decode: new PredictionError(), encode: new PredictionError(), search: new PredictionError() };
  /** apart, so that pictures that have to be decoded whole do not shorten what others have for encoding */
  private readonly decodes: Record<Kind, StageModel>;
  /**
   * Of each point on one core, then of each on all of them: what one teaches of the machine serves the other. Their spread
   * is learned apart, since cores that share a computation wait for each other, and whatever holds up one holds up all.
   */
  private readonly encode: StageModel;
  /** apart, as replies are, so that those whose searches take long do not shorten what others have for encoding */
  private readonly searches: Record<Searching, StageModel>;
  private readonly replies: Record<FollowUp, StageModel>;
  /** milliseconds that p95 of the service is beyond that of its stages: hops between threads cost the same at each point */
  private readonly margins: Record<Kind, number> = { jpeg: 0, whole: 0 };

  constructor(
    private readonly points: readonly PointProfile[],
    private readonly options: LatencyOptions,
  ) {
    const { slots, searchMs, replyMs } = options;
    const decoding = () =>
      new StageModel(
        points.map(point => point.decodeMs),
        slots,
      );
    this.decodes = { jpeg: decoding(), whole: decoding() };
    this.encode = new StageModel(
      [...points.map(point => point.encodeMs), ...points.map(point => point.encodeAloneMs ?? point.encodeMs)],
      slots,
      encoding => Number(encoding >= points.length),
    );
    this.searches = { search: new StageModel([searchMs], 1), elaborate: new StageModel([searchMs], 1) };
    const replying = () => new StageModel([replyMs], 1);
    this.replies = { search: replying(), elaborate: replying(), none: replying() };
  }

  /**
   * @param point its place on the frontier
   * @param busy requests that will be served at the same time, this one included
   */
  predict(point: number, busy: number, work: Work = {}): Prediction {
    const { times = 1, alone = false } = work;
    const decode = this.decoding(work).predict(point, busy, this.sizeFactor(point, work));
    const encode = this.encode.predict(this.encoding(point, alone && this.isFasterAlone(point)), busy, times);
    const { p50, p95 } = sumOf(decode, encode);
    return { decode, encode, service: { p50, p95: Math.max(p50, p95 + this.margins[kindOf(work)]) } };
  }

  /** Is it encoded faster on all cores than on one? */
  isFasterAlone(point: number): boolean {
    return this.points[point]!.encodeAloneMs !== undefined;
  }

  /**
   * After a request was served at a point. @param busy as for predict
   * @param predicted what had been predicted for it: others have taught something since
   */
  observe(
    point: number,
    busy: number,
    work: Omit<Work, 'alone'> & {
      readonly actual: ServiceTimes;
      readonly predicted: Pick<ServiceTimes, 'decodeMs' | 'encodeMs'>;
    },
  ): void {
    const { times = 1, actual, predicted } = work;
    const decode = this.decoding(work);
    const encoding = this.encoding(point, actual.cores > 1);
    const size = this.sizeFactor(point, work);
    this.errors.decode.add(predicted.decodeMs, actual.decodeMs);
    this.errors.encode.add(predicted.encodeMs, actual.encodeMs);
    const stages = sumOf(decode.predict(point, busy, size), this.encode.predict(encoding, busy, times));
    const margin = this.margins[kindOf(work)];
    const step = Math.max(marginStep.least, marginStep.share * margin);
    this.margins[kindOf(work)] += step * (actual.serviceMs > stages.p95 + margin ? 0.95 : -0.05);
    decode.observe(point, busy, actual.decodeMs, size);
    this.encode.observe(encoding, busy, actual.encodeMs, times);
  }

  /** After the index was searched with an embedding. */
  observeSearch(ms: number, kind: Searching = 'search'): void {
    const model = this.searches[kind];
    this.errors.search.add(model.predict(0, 1).p50, ms);
    model.observe(0, 1, ms);
  }

  /** After an answer was sent. @param ms since it was ready */
  observeReply(ms: number, kind: FollowUp = 'search'): void {
    this.replies[kind].observe(0, 1, ms);
  }

  /** Medians when the machine was as fast as it has been, milliseconds: of `service` as in predict, and of `answer`. */
  whenFastest(
    point: number,
    work: Omit<Work, 'alone'> & { followUp?: FollowUp | undefined } = {},
  ): { service: number; answer: number } {
    const { times = 1, followUp = 'search' } = work;
    const search = followUp === 'none' ? 0 : this.searches[followUp].whenFastest(0);
    return {
      service:
        this.decoding(work).whenFastest(point, this.sizeFactor(point, work)) +
        this.encode.whenFastest(this.encoding(point, this.isFasterAlone(point)), times),
      answer: search + this.replies[followUp].whenFastest(0),
    };
  }

  /** From leaving the slot to the answer's first byte. */
  answer(followUp: FollowUp = 'search'): Quantiles {
    const reply = this.replies[followUp].predict(0, 1);
    return followUp === 'none' ? reply : sumOf(this.searches[followUp].predict(0, 1), reply);
  }

  /** How many times slower than at calibration the encoder is now. */
  get slowdown(): number {
    return this.encode.slowdown;
  }

  /** its place in `encode` */
  private encoding(point: number, alone: boolean): number {
    return alone ? this.points.length + point : point;
  }

  private decoding(picture: PictureFacts): StageModel {
    return this.decodes[kindOf(picture)];
  }

  /** How many times as long as the calibration's pictures it takes to decode one of this size. */
  private sizeFactor(point: number, { bytes = this.options.pictureBytes }: PictureFacts): number {
    const more = msPerByte * (bytes - this.options.pictureBytes);
    return Math.max(leastSizeFactor, 1 + more / this.points[point]!.decodeMs.p50);
  }
}
