/**
 * Measures the operating points of a model on this machine and this corpus, without labels: how long each takes, and how
 * much of the full model's answer its queries find. Queries are augmented pictures of the corpus; a query's own picture is
 * left out of every ranking, since all points would find it.
 */
import { cpus } from 'node:os';
import type { ImageIndex } from '../corpus/image-index.js';
import type { Encoder } from '../encoder/encoder.js';
import { MatvitError } from '../errors.js';
import { decode } from '../image/decode.js';
import { type OperatingPoint, fullPoint, printOperatingPoint } from '../model/operating-point.js';
import type { Calibration } from '../planner/calibration.js';
import type { Fidelity } from '../planner/fidelity.js';
import { type PointProfile, type Quantiles, frontier } from '../planner/frontier.js';
import { coarsePoints, neighbours } from './candidates.js';
import { Judge } from './judge.js';
import { type Query, queriesOf } from './queries.js';
import { median, quantile } from '../statistics.js';

export interface CalibrationOptions {
  /** pictures searched with; fewer if the corpus has fewer */
  readonly queries?: number;
  /** times that each point of the frontier is timed */
  readonly rounds?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

/** share of the queries that the coarse search makes do with */
const coarseShare = 0.3;
/** rounds of timing in the search, which needs the order of costs only */
const searchRounds = 5;
/** milliseconds that all cores have to save: a core that waits for another is soon held up by as much */
const worthAllCores = 5;
/** points on the frontier */
const most = 12;
/** points that are timed and judged with care: some of them are then no longer on it */
const finalists = 16;
/** hits of a search that is timed */
const k = 10;
/** from the hits to the answer's first byte; a service learns its own */
const replyMs = { p50: 0.5, p95: 1.5 };

/** Milliseconds of each request. */
interface Times {
  /** by point */
  readonly decode: readonly number[][];
  readonly encode: readonly number[][];
  /** the same on all cores that one call can have */
  readonly encodeAlone: readonly number[][];
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
  const on = { encoder, index };
  const judge = new Judge(encoder, index, full);

  const known = new Map<string, Fidelity>();
  /** The frontier of candidates by quick timing. */
  const survey = async (points: readonly OperatingPoint[], sample: readonly Query[], what: string) => {
    const times = await timeAll(points, {
      ...on,
      queries: sample,
      rounds: searchRounds,
      onProgress: progressOf(`${what}: time`),
    });
    const unknown = points.filter(point => !known.has(printOperatingPoint(point)));
    const judged = await judge.judge(unknown, sample, progressOf(`${what}: fidelity`));
    unknown.forEach((point, i) => known.set(printOperatingPoint(point), judged[i]!.fidelity));
    const profiles = points.map((point, i): PointProfile => {
      const at = printOperatingPoint(point);
      // medians of a few rounds stand for the p95 here: outliers would choose
      const [decodeMs, encodeMs] = [median(times.decode[i]!), median(times.encode[i]!)];
      return {
        at,
        decodeMs: { p50: decodeMs, p95: decodeMs },
        encodeMs: { p50: encodeMs, p95: encodeMs },
        fidelity: known.get(at)!,
      };
    });
    const byName = new Map(points.map(point => [printOperatingPoint(point), point]));
    return frontier(profiles, fullName, finalists).map(({ at, fidelity }) => ({ point: byName.get(at)!, fidelity }));
  };

  const coarse = await survey(coarsePoints(a, encoder.precisions), few, 'coarse');
  const around = coarse.flatMap(({ point }) => [point, ...neighbours(a, point)]);
  const distinct = [...new Map(around.map(point => [printOperatingPoint(point), point])).values()];
  const fine = await survey(distinct, few, 'fine');

  const points = fine.map(({ point }) => point);
  const times = await timeAll(points, {
    ...on,
    queries: asked,
    rounds,
    onProgress: progressOf('latency'),
    cores: encoder.cores,
  });
  const [decodeMs, encodeMs] = [together(times.decode), together(times.encode)];
  const encodeAloneMs = encoder.cores > 1 ? together(times.encodeAlone) : encodeMs;
  const judged = await judge.judge(points, asked, progressOf('fidelity'));
  const profiles = judged.map(({ fidelity, scoreRatio }, i): PointProfile => ({
    at: printOperatingPoint(points[i]!),
    decodeMs: decodeMs[i]!,
    encodeMs: encodeMs[i]!,
    ...(isWorthAllCores(encodeMs[i]!, encodeAloneMs[i]!) && { encodeAloneMs: encodeAloneMs[i]! }),
    fidelity: rounded(fidelity),
    ...(scoreRatio > 0 && { scoreRatio: round3(scoreRatio) }),
  }));
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

/** @param one what encoding takes on one core @param all and on all of them, milliseconds */
export const isWorthAllCores = (one: Quantiles, all: Quantiles): boolean =>
  one.p50 - all.p50 >= worthAllCores && all.p95 < one.p95;

interface Timing {
  readonly encoder: Encoder;
  readonly index: ImageIndex;
  readonly queries: readonly Query[];
  readonly rounds: number;
  readonly onProgress: (done: number, total: number) => void;
  /** if they shall be encoded on several too */
  readonly cores?: number;
}

/** Milliseconds of each stage with nothing else running; the points take turns, so that all see the same machine. */
async function timeAll(
  points: readonly OperatingPoint[],
  { encoder, index, queries, rounds, onProgress, cores = 1 }: Timing,
): Promise<Times> {
  // decoding knows only the resolution: points that share it share what it took, or its noise would outweigh the little
  // that a narrower submodel saves
  const decodings = new Map(points.map(({ resolution }): [number, number[]] => [resolution, []]));
  const times = {
    decode: points.map(({ resolution }) => decodings.get(resolution)!),
    encode: points.map((): number[] => []),
    encodeAlone: points.map((): number[] => []),
    search: [] as number[],
  };
  for (let round = -1; round < rounds; round++) {
    for (const [i, point] of points.entries()) {
      const { bytes } = queries[(round + 1) % queries.length]!;
      const began = performance.now();
      const pixels = await decode(bytes, point.resolution);
      const decoded = performance.now();
      const onAll = cores > 1 ? await encoder.embed(pixels.slice(), point, cores) : undefined;
      const { vectors, encodeMs } = await encoder.embed(pixels, point);
      const embedded = performance.now();
      await index.search(vectors, { k });
      const found = performance.now();
      if (round < 0) continue; // the first call of a point makes its working memory
      times.decode[i]!.push(decoded - began);
      times.encode[i]!.push(encodeMs);
      if (onAll) times.encodeAlone[i]!.push(onAll.encodeMs);
      times.search.push(found - embedded);
    }
    onProgress(round + 1, rounds);
  }
  return times;
}

const round3 = (x: number) => Number(x.toFixed(3));
const quantiles = (values: readonly number[]) => ({ p50: round3(median(values)), p95: round3(quantile(values, 0.95)) });

/**
 * Of every point: its own median, and a p95 above it that all have in common. Outliers come from the machine and hit
 * whichever point has its turn, each by a factor that falls with the root of its length (as in stage-model.ts); how much
 * the spread changes is learned from requests, for all points together.
 */
function together(values: readonly (readonly number[])[]): Quantiles[] {
  const medians = values.map(median);
  const spread = median(values.map((ms, i) => Math.log(quantile(ms, 0.95) / medians[i]!) * Math.sqrt(medians[i]!)));
  return medians.map(p50 => ({ p50: round3(p50), p95: round3(p50 * Math.exp(spread / Math.sqrt(p50))) }));
}

const rounded = ({ top1Agreement, recallAt10, rbo }: Fidelity): Fidelity => ({
  top1Agreement: round3(top1Agreement),
  recallAt10: round3(recallAt10),
  rbo: Number(rbo.toFixed(4)),
});
