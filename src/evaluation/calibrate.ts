/**
 * Measures the operating points of a model on this machine and this corpus, without labels: how long each takes, and how
 * much of the full model's answer its queries find. Queries are augmented pictures of the corpus; a query's own picture is
 * left out of every ranking, since all points would find it.
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import pMap from 'p-map';
import type { ImageIndex } from '../corpus/image-index.js';
import type { Encoder } from '../encoder/encoder.js';
import { MatvitError } from '../errors.js';
import { decode as decodePicture } from '../image/decode.js';
import { type OperatingPoint, fullPoint, printOperatingPoint } from '../model/operating-point.js';
import type { Calibration } from '../planner/calibration.js';
import { type Fidelity, fidelityOf, meanFidelity } from '../planner/fidelity.js';
import { type PointProfile, type Quantiles, frontier } from '../planner/frontier.js';
import { random } from '../training/random.js';
import { augment } from './augment.js';
import { coarsePoints, neighbours } from './candidates.js';
import { median, quantile } from './statistics.js';

export interface CalibrationOptions {
  /** pictures searched with; fewer if the corpus has fewer */
  readonly queries?: number;
  /** times that each point of the frontier is timed */
  readonly rounds?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

/** A picture to search with. */
export interface Query {
  /** of the picture that it was made from */
  readonly id: number;
  readonly bytes: Buffer;
}

/** of a ranking that are compared; the first 50 carry 99.5% of the weight of rank-biased overlap */
const depth = 50;
/** share of the queries that the coarse search makes do with */
const coarseShare = 0.3;
/** rounds of timing in the search, which needs the order of costs only */
const searchRounds = 5;
/** points on the frontier */
const most = 20;
/** hits of a search that is timed */
const k = 10;
/** from the hits to the answer's first byte; a service learns its own */
const replyMs = { p50: 0.5, p95: 1.5 };

/** Milliseconds of each request. */
interface Times {
  /** by point */
  readonly decode: readonly number[][];
  readonly encode: readonly number[][];
  /** of all points: a search takes as long whatever encoded the query */
  readonly search: readonly number[];
}

/** @throws INDEX_MISSING for an index without readable pictures, REQUEST_ABORTED */
export async function calibrate(
  encoder: Encoder,
  index: ImageIndex,
  { queries = 200, rounds = 60, seed = 1, signal, onProgress }: CalibrationOptions = {},
): Promise<Calibration> {
  const a = encoder.architecture;
  const full = fullPoint(a);
  const fullName = printOperatingPoint(full);
  const progressOf = (what: string) => (done: number, total: number) => {
    if (signal?.aborted) throw new MatvitError('REQUEST_ABORTED', 'calibration was interrupted; nothing was stored');
    onProgress?.(done, total, what);
  };
  const asked = await queriesOf(index, queries, seed, progressOf('queries'));
  const few = asked.slice(0, Math.ceil(coarseShare * asked.length));
  const judge = new Judge(encoder, index, full);

  const known = new Map<string, Fidelity>();
  /** The frontier of candidates by quick timing. */
  const survey = async (points: readonly OperatingPoint[], sample: readonly Query[], what: string) => {
    const times = await timeAll(encoder, index, points, sample, searchRounds, progressOf(`${what}: time`));
    const report = progressOf(`${what}: fidelity`);
    const profiles: PointProfile[] = [];
    for (const [i, point] of points.entries()) {
      const at = printOperatingPoint(point);
      const fidelity = known.get(at) ?? (await judge.judge(point, sample)).fidelity;
      known.set(at, fidelity);
      // medians of a few rounds stand for the p95 here: outliers would choose
      const [decodeMs, encodeMs] = [median(times.decode[i]!), median(times.encode[i]!)];
      profiles.push({
        at,
        decodeMs: { p50: decodeMs, p95: decodeMs },
        encodeMs: { p50: encodeMs, p95: encodeMs },
        fidelity,
      });
      report(i + 1, points.length);
    }
    const byName = new Map(points.map(point => [printOperatingPoint(point), point]));
    return frontier(profiles, fullName, most).map(({ at, fidelity }) => ({ point: byName.get(at)!, fidelity }));
  };

  const coarse = await survey(coarsePoints(a, encoder.precisions), few, 'coarse');
  const around = coarse.flatMap(({ point }) => [point, ...neighbours(a, point)]);
  const distinct = [...new Map(around.map(point => [printOperatingPoint(point), point])).values()];
  const fine = await survey(distinct, few, 'fine');

  const points = fine.map(({ point }) => point);
  const times = await timeAll(encoder, index, points, asked, rounds, progressOf('latency'));
  const [decodeMs, encodeMs] = [together(times.decode), together(times.encode)];
  const report = progressOf('fidelity');
  const profiles: PointProfile[] = [];
  for (const [i, point] of points.entries()) {
    const { fidelity, scoreRatio } = await judge.judge(point, asked);
    profiles.push({
      at: printOperatingPoint(point),
      decodeMs: decodeMs[i]!,
      encodeMs: encodeMs[i]!,
      fidelity: rounded(fidelity),
      ...(scoreRatio > 0 && { scoreRatio: round3(scoreRatio) }),
    });
    report(i + 1, points.length);
  }
  return {
    fingerprint: encoder.fingerprint,
    cpu: cpus()[0]?.model ?? 'unknown',
    queries: asked.length,
    pictures: index.catalogue.state().images,
    pictureBytes: median(asked.map(({ bytes }) => bytes.length)),
    searchMs: quantiles(times.search),
    replyMs,
    points: frontier(profiles, fullName, most),
  };
}

interface Ranking {
  /** best first */
  readonly ids: number[];
  /** score of the best */
  readonly best: number;
}

/** Compares rankings with the full model's, which it remembers. */
class Judge {
  private readonly references = new Map<number, Ranking>();

  constructor(
    private readonly encoder: Encoder,
    private readonly index: ImageIndex,
    private readonly full: OperatingPoint,
  ) {}

  async judge(point: OperatingPoint, queries: readonly Query[]): Promise<{ fidelity: Fidelity; scoreRatio: number }> {
    const isFull = printOperatingPoint(point) === printOperatingPoint(this.full);
    const all = await pMap(
      queries,
      async query => {
        const reference = this.references.get(query.id) ?? (await this.rank(this.full, query));
        this.references.set(query.id, reference);
        const ranking = isFull ? reference : await this.rank(point, query);
        return { ranking, reference, fidelity: fidelityOf(ranking.ids, reference.ids) };
      },
      { concurrency: this.encoder.concurrency + 1 },
    );
    const low = (which: 'ranking' | 'reference') => meanOfLowest(all.map(one => one[which].best));
    return {
      fidelity: meanFidelity(all.map(({ fidelity }) => fidelity)),
      scoreRatio: low('ranking') / low('reference'),
    };
  }

  private async rank(point: OperatingPoint, { id, bytes }: Query): Promise<Ranking> {
    const { vectors } = await this.encoder.embed(await decodePicture(bytes, point.resolution), point);
    const { hits } = await this.index.search(vectors, { k: depth + 1 });
    const others = hits.filter(({ image }) => image.id !== id).slice(0, depth);
    return { ids: others.map(({ image }) => image.id), best: others[0]!.score };
  }
}

/** Augmented pictures of an index, drawn at random. @throws INDEX_MISSING if it has fewer than two that can be read */
export async function queriesOf(
  index: ImageIndex,
  count: number,
  seed: number,
  onProgress: (done: number, total: number) => void,
): Promise<Query[]> {
  const { catalogue } = index;
  const images = catalogue.images();
  const draw = random(seed);
  for (let i = images.length - 1; i > 0; i--) {
    const j = draw.below(i + 1);
    [images[i], images[j]] = [images[j]!, images[i]!];
  }
  const queries: Query[] = [];
  for (const { id, path } of images) {
    if (queries.length === count) break;
    try {
      queries.push({ id, bytes: await augment(join(catalogue.root ?? '', path), random(seed, id)) });
    } catch (error) {
      if (!(error instanceof MatvitError)) throw error; // a picture that has gone, or changed
    }
    onProgress(queries.length, Math.min(count, images.length));
  }
  if (queries.length < 2)
    throw new MatvitError(
      'INDEX_MISSING',
      'fewer than two pictures of the index can be read; matvit index FOLDER first',
    );
  return queries;
}

/** Milliseconds of each stage with nothing else running; the points take turns, so that all see the same machine. */
async function timeAll(
  encoder: Encoder,
  index: ImageIndex,
  points: readonly OperatingPoint[],
  queries: readonly Query[],
  rounds: number,
  onProgress: (done: number, total: number) => void,
): Promise<Times> {
  // decoding knows only the resolution: points that share it share what it took, or its noise would outweigh the little
  // that a narrower submodel saves
  const decodings = new Map(points.map(({ resolution }): [number, number[]] => [resolution, []]));
  const decode = points.map(({ resolution }) => decodings.get(resolution)!);
  const encode = points.map((): number[] => []);
  const search: number[] = [];
  for (let round = -1; round < rounds; round++) {
    for (const [i, point] of points.entries()) {
      const { bytes } = queries[(round + 1) % queries.length]!;
      const began = performance.now();
      const pixels = await decodePicture(bytes, point.resolution);
      const decoded = performance.now();
      const { vectors, encodeMs } = await encoder.embed(pixels, point);
      const embedded = performance.now();
      await index.search(vectors, { k });
      const found = performance.now();
      if (round < 0) continue; // the first call of a point makes its working memory
      decode[i]!.push(decoded - began);
      encode[i]!.push(encodeMs);
      search.push(found - embedded);
    }
    onProgress(round + 1, rounds);
  }
  return { decode, encode, search };
}

/** Of the lowest fifth: where it is decided whether there is anything like a query. */
function meanOfLowest(values: readonly number[]): number {
  const lowest = values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length / 5));
  return lowest.reduce((sum, value) => sum + value, 0) / lowest.length;
}

const round3 = (x: number) => Number(x.toFixed(3));
const quantiles = (values: readonly number[]) => ({ p50: round3(median(values)), p95: round3(quantile(values, 0.95)) });

/**
 * Of every point: its own median, and a p95 that is the same multiple of it for all. Outliers come from the machine and hit
 * whichever point has its turn; each point's own spread is learned from requests.
 */
function together(values: readonly (readonly number[])[]): Quantiles[] {
  const spread = median(values.map(ms => quantile(ms, 0.95) / median(ms)));
  return values.map(ms => ({ p50: round3(median(ms)), p95: round3(median(ms) * spread) }));
}

const rounded = ({ top1Agreement, recallAt10, rbo }: Fidelity): Fidelity => ({
  top1Agreement: round3(top1Agreement),
  recallAt10: round3(recallAt10),
  rbo: Number(rbo.toFixed(4)),
});
