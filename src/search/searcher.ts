/** The use case: a picture in, the nearest pictures of the corpus out, within a latency budget, with what it cost. */
import { setMaxListeners } from 'node:events';
import { stat } from 'node:fs/promises';
import type { Metadata } from '../catalogue/image.js';
import { unfamiliar } from '../corpus/familiarity.js';
import type { Hit as IndexHit } from '../corpus/nearest.js';
import type { SearchOptions, SearchResult } from '../corpus/paging.js';
import type { SearchableIndex } from '../corpus/ports.js';
import type { Encoder } from '../encoder/encoder.js';
import { withSecondTry } from '../encoder/second-try.js';
import { MatvitError } from '../errors.js';
import { type Crop, decode as decodeHere } from '../image/decode.js';
import { isDecodedWhole, isJpegName } from '../image/format.js';
import { type ImageLimits, forOwn } from '../image/limits.js';
import { noise } from '../image/noise.js';
import type { PictureSource } from '../image/open.js';
import { relativeMacs } from '../model/cost.js';
import { type OperatingPoint, fullPoint, parseOperatingPoint, printOperatingPoint } from '../model/operating-point.js';
import { type Calibration, uncalibrated } from '../planner/calibration.js';
import { Dispatcher } from '../planner/dispatcher.js';
import { type FollowUp, LatencyModel, type PictureFacts, type Searching } from '../planner/latency.js';
import { type Likeness, Planner } from '../planner/planner.js';
import type { OnMiss } from '../planner/policy.js';
import { combine } from './combine.js';
import { type Cost, costOfAnswer, withSearch } from './cost.js';

export interface Hit {
  readonly id: number;
  /** relative to the corpus root */
  readonly path: string;
  /** cosine similarity, -1 … 1 */
  readonly score: number;
  readonly metadata: Metadata;
  /** with `collapse`: hits that were folded into this one, best first */
  readonly duplicates?: readonly Hit[];
}

/**
 * On the first page of a search for one picture, without a filter, in an index of 50 distinct pictures or more, at the full
 * model's operating point or at one whose scores the calibration knows.
 */
export interface Nearness {
  /**
   * 0 … 1: the share of the index's own pictures whose nearest other picture is no nearer to them than the best hit is
   * to the query; small where the query is unlike them
   */
  readonly familiarity: number;
  /** Is that so little that the hits are only the least unlike? Of queries of the index's kind, 2% fare so. */
  readonly nothingLikeIt: boolean;
}

export interface SearchAnswer extends Omit<SearchResult, 'hits'>, Partial<Nearness> {
  readonly hits: readonly Hit[];
  readonly cost: Cost;
}

/** With several examples; what was known already cost nothing, so there is no cost if all were. */
export type CombinedAnswer = Omit<SearchAnswer, 'cost'> & Partial<Pick<SearchAnswer, 'cost'>>;

export interface EncodeOptions {
  /** the operating point; chosen by the budget if undefined */
  readonly at?: OperatingPoint | undefined;
  /** milliseconds from arrival to the answer; without one and without `at`, the full model answers */
  readonly budgetMs?: number | undefined;
  /** least expected rank-biased overlap with the full model's answer, 0 … 1 */
  readonly minFidelity?: number | undefined;
  /** what to do when no point with this fidelity fits; degrade by default */
  readonly onMiss?: OnMiss | undefined;
  /** by performance.now(), milliseconds; now by default */
  readonly arrivedAt?: number;
  /** is it one of several that come at once, for one answer? */
  readonly several?: boolean;
  /** who asks: clients share the encoder fairly */
  readonly client?: string;
  /** aborted when nobody waits for the answer any more */
  readonly signal?: AbortSignal | undefined;
}

export interface EmbedRequest extends EncodeOptions {
  readonly picture: PictureSource;
  /** what errors call the picture */
  readonly name?: string;
  /** the part of it to look at */
  readonly crop?: Crop | undefined;
}

export interface SearchRequest extends EmbedRequest, SearchOptions {}

export interface Embedding {
  /** [D], unit */
  readonly vector: Float32Array;
  /** with nothing searched */
  readonly cost: Cost;
}

/** Something that hits should be like; or unlike, with a negative weight. */
export interface Example {
  /** a picture, or a vector that is known already: [D], unit */
  readonly of: PictureSource | { readonly vector: Float32Array };
  readonly name?: string;
  readonly crop?: Crop | undefined;
  readonly weight: number;
}

export interface SearcherOptions {
  /** of pictures that are given as bytes; of files `maxWholePixels` is not asked */
  readonly limits?: ImageLimits;
  /** in this process by default */
  readonly decode?: typeof decodeHere;
  /** of this model; without one, only the full model is ever chosen */
  readonly calibration?: Calibration;
  /** requests that may wait */
  readonly queue?: number;
}

/** Requests that may wait: in a second or two the cheapest point serves as many. */
export const defaultQueue = 256;

/** Points off the frontier that are remembered: clients can name millions. */
const mostLikenesses = 1000;

interface Query {
  readonly vectors: Float32Array;
  readonly waitMs: number;
  readonly decodeMs: number;
  readonly encodeMs: number;
  readonly cores: number;
}

export class Searcher<Index extends SearchableIndex = SearchableIndex> {
  readonly calibration: Calibration;
  readonly planner: Planner;
  private readonly dispatcher: Dispatcher<EmbedRequest, Query>;
  /** of points that are not on the frontier: while one waits, its likeness is asked for again and again */
  private readonly likenesses = new Map<string, Likeness>();

  constructor(
    readonly encoder: Encoder,
    readonly index: Index,
    private readonly options: SearcherOptions = {},
  ) {
    const { architecture, fingerprint, precisions, concurrency: slots, cores } = encoder;
    const { calibration = uncalibrated(fingerprint, printOperatingPoint(fullPoint(architecture))) } = options;
    const points = calibration.points
      .filter(({ at }) => precisions.includes(this.pointOf(at).precision))
      .map(({ encodeAloneMs, ...point }) => (cores > 1 ? { ...point, encodeAloneMs } : point));
    this.calibration = { ...calibration, points };
    const latency = new LatencyModel(points, { ...calibration, slots });
    this.planner = new Planner(points, latency, at => this.likenessOf(at));
    this.dispatcher = new Dispatcher({
      planner: this.planner,
      slots,
      capacity: options.queue ?? defaultQueue,
      run: (request, at, alone) => this.encode(request, this.pointOf(at), alone ? cores : 1),
    });
  }

  /** Requests that wait, and requests that are decoded or encoded. */
  get load(): { waiting: number; serving: number } {
    return { waiting: this.dispatcher.waiting, serving: this.dispatcher.serving };
  }

  /** @throws BUDGET_EXCEEDED, QUEUE_FULL, REQUEST_ABORTED, the errors of decode, of Encoder.embed and of the index */
  async search(request: SearchRequest): Promise<SearchAnswer> {
    const { vector, cost } = await this.embedFor(followUpOf(request), request);
    const { found, searchMs } = await this.find(vector, request, cost.at);
    return { ...found, cost: this.searched(cost, request, searchMs) };
  }

  /**
   * Searches with several examples at once, each encoded by itself. The cost is that of the one that took longest.
   * @throws REQUEST_INVALID if the examples cancel each other out, and what `search` does
   */
  async searchLike(examples: readonly Example[], options: EncodeOptions & SearchOptions): Promise<CombinedAnswer> {
    // one of several that fails fails all, and the others would keep places and slots for nothing
    const failed = new AbortController();
    const signal = examples.length > 1 ? either(options.signal, failed.signal) : options.signal;
    const embed = async ({ of, weight, ...rest }: Example) => {
      if (typeof of === 'object' && 'vector' in of) return { vector: of.vector, weight, cost: undefined };
      const request = { ...options, ...rest, signal, picture: of };
      const embedded = await this.embedFor(followUpOf(options), request, options.several ?? examples.length > 1);
      return { ...embedded, weight };
    };
    const embedded = await Promise.all(examples.map(embed)).catch((error: unknown) => {
      failed.abort();
      throw error;
    });
    const costs = embedded.flatMap(({ cost }) => cost ?? []).sort((a, b) => b.ms.total - a.ms.total);
    // what several pictures have in common scores otherwise than a picture does
    const at = examples.length === 1 && examples[0]!.weight > 0 ? costs[0]?.at : undefined;
    const { found, searchMs } = await this.find(combine(embedded), options, at);
    return { ...found, ...(costs[0] && { cost: this.searched(costs[0], options, searchMs) }) };
  }

  /** @throws what `search` does, but for the index's errors */
  embed(request: EmbedRequest): Promise<Embedding> {
    return this.embedFor('none', request);
  }

  /** Whoever passes the answer on says how long that took, so that later answers leave time for it. */
  replied(ms: number, followUp: FollowUp): void {
    this.planner.latency.observeReply(ms, followUp);
  }

  /**
   * Searches at every point of the frontier with pictures of the corpus: working memory is there then before the first
   * request comes, and the calibration's latencies have been corrected for this machine.
   */
  async warmUp(signal?: AbortSignal): Promise<void> {
    const known = await this.index.samples(4);
    const pictures = known.length > 0 ? known : [await noise()];
    const points = this.planner.points.map(({ at }) => this.pointOf(at));
    // a picture that has gone is no reason not to start
    const tried = async (work: Promise<unknown>) => {
      await work.catch((error: unknown) => {
        if (!(error instanceof MatvitError)) throw error;
      });
    };
    const requestOf = (at: OperatingPoint, i: number) => ({ picture: pictures[i % pictures.length]!, at });
    for (const at of points) {
      if (signal?.aborted) return;
      const { concurrency } = this.encoder;
      const embed = (_: unknown, i: number) => tried(this.embedFor('none', requestOf(at, i), true));
      await Promise.all(Array.from({ length: concurrency }, embed));
    }
    this.planner.forgetLoad(); // or none of these would be alone
    for (let round = 0; round < 2; round++)
      for (const at of points) if (!signal?.aborted) await tried(this.search({ ...requestOf(at, round), k: 10 }));
    this.planner.forgetLoad();
  }

  /** Closes encoder and index. */
  async close(): Promise<void> {
    await this.encoder.close();
    await this.index.close();
  }

  private async embedFor(followUp: FollowUp, request: EmbedRequest, several = false): Promise<Embedding> {
    const { picture, crop, at, budgetMs, minFidelity, signal } = request;
    const { onMiss = 'degrade', arrivedAt = performance.now(), client = '' } = request;
    const { bytes, whole } = typeof picture === 'string' ? await factsOfFile(picture) : factsOf(picture);
    const { result, decision } = await this.dispatcher.submit({
      input: request,
      ...{ client, arrivedAt, budgetMs, minFidelity, onMiss, signal },
      ...{ followUp, several, at: at && printOperatingPoint(at) },
      ...{ bytes, whole: whole || crop !== undefined },
    });
    const { vectors, decodeMs: decode, waitMs, encodeMs: encode, cores } = result;
    const total = performance.now() - arrivedAt;
    const cost = costOfAnswer(decision, {
      relativeMacs: relativeMacs(this.encoder.architecture, this.pointOf(decision.at)),
      cores,
      ms: { decode, wait: decision.waitMs + waitMs, encode, search: 0, total },
    });
    return { vector: vectors, cost };
  }

  private searched(cost: Cost, options: SearchOptions, ms: number): Cost {
    this.planner.latency.observeSearch(ms, followUpOf(options));
    return withSearch(cost, ms);
  }

  /** The point of the frontier, of the same precision if there is one, that computes most nearly as much. */
  private likenessOf(name: string): Likeness {
    const known = this.likenesses.get(name);
    if (known) return known;
    const at = this.pointOf(name);
    const macs = (point: OperatingPoint) => relativeMacs(this.encoder.architecture, point);
    const likenesses = this.planner.points.map((point, i) => {
      const like = this.pointOf(point.at);
      const times = macs(at) / macs(like);
      const isSame = like.precision === at.precision;
      const distance = Math.abs(Math.log(times));
      return { point: i, times, isSame, distance, isClose: isSame && distance <= Math.log(2) };
    });
    likenesses.sort((a, b) => Number(b.isSame) - Number(a.isSame) || a.distance - b.distance);
    if (this.likenesses.size >= mostLikenesses) this.likenesses.clear();
    this.likenesses.set(name, likenesses[0]!);
    return likenesses[0]!;
  }

  private pointOf(at: string): OperatingPoint {
    return parseOperatingPoint(this.encoder.architecture, at);
  }

  /** @param at the operating point of the query, if it is a picture */
  private async find(
    vector: Float32Array,
    options: SearchOptions,
    at: string | undefined,
  ): Promise<{ found: Omit<SearchAnswer, 'cost'>; searchMs: number }> {
    const began = performance.now();
    const { hits, ...rest } = await this.index.search(vector, options);
    const hitOf = ({ image: { id, path, metadata }, score }: IndexHit): Hit => ({ id, path, score, metadata });
    const found = hits.map(hit => ({
      ...hitOf(hit),
      ...(hit.duplicates && { duplicates: hit.duplicates.map(hitOf) }),
    }));
    // what was asked to be alike enough may leave nothing, and that is when it is asked most
    const best = async () => hits[0] ?? (await this.index.search(vector, { k: 1 })).hits[0];
    const nearness = at === undefined ? undefined : await this.nearness(best, options, at);
    return { found: { hits: found, ...nearness, ...rest }, searchMs: performance.now() - began };
  }

  private async nearness(
    bestHit: () => Promise<IndexHit | undefined>,
    { filter, offset = 0, cursor }: SearchOptions,
    at: string,
  ): Promise<Nearness | undefined> {
    const isFull = at === printOperatingPoint(fullPoint(this.encoder.architecture));
    const ratio = isFull ? 1 : this.planner.points.find(point => point.at === at)?.scoreRatio;
    if (ratio === undefined || filter || offset > 0 || cursor !== undefined) return undefined;
    const best = await bestHit();
    const familiarity = best && (await this.index.familiarity(best.score / ratio));
    return familiarity === undefined ? undefined : { familiarity, nothingLikeIt: familiarity <= unfamiliar };
  }

  private encode(request: EmbedRequest, at: OperatingPoint, cores: number): Promise<Query> {
    return withSecondTry(() => this.encodeOnce(request, at, cores));
  }

  private async encodeOnce(
    { picture, name, crop, signal }: EmbedRequest,
    at: OperatingPoint,
    cores: number,
  ): Promise<Query> {
    const { limits: given, decode = decodeHere } = this.options;
    const limits = given && typeof picture === 'string' ? forOwn(given) : given;
    const began = performance.now();
    const pixels = await decode(picture, at.resolution, { crop, ...(name && { name }), ...(limits && { limits }) });
    const decodeMs = performance.now() - began;
    if (signal?.aborted) throw new MatvitError('REQUEST_ABORTED', 'nobody waits for the answer');
    return { decodeMs, ...(await this.encoder.embed(pixels, at, cores)) };
  }
}

const factsOf = (bytes: Uint8Array): PictureFacts => ({ bytes: bytes.length, whole: isDecodedWhole(bytes) });

/** What can be told of a file without reading it. */
async function factsOfFile(path: string): Promise<PictureFacts> {
  const size = await stat(path).then(
    ({ size }) => size,
    () => undefined, // reading it will say why
  );
  return { bytes: size, whole: !isJpegName(path) };
}

/** hits that are found and told in as good as no time */
const fewHits = 100;

/** What follows once the pictures of a search are encoded. */
export function followUpOf({ filter, facets, collapse, k, offset = 0, cursor }: SearchOptions): Searching {
  const isPlain = !filter && !facets?.length && collapse === undefined && cursor === undefined;
  return isPlain && offset + k <= fewHits ? 'search' : 'elaborate';
}

/** A signal that each of many examples can listen to. */
function either(given: AbortSignal | undefined, own: AbortSignal): AbortSignal {
  const signal = given ? AbortSignal.any([given, own]) : own;
  setMaxListeners(0, signal);
  return signal;
}
