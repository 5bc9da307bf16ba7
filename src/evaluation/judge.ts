/** How much of the full model's answers an operating point finds. */
import pMap from 'p-map';
import type { ImageIndex } from '../corpus/image-index.js';
import type { Encoder } from '../encoder/encoder.js';
import { decode } from '../image/decode.js';
import { type OperatingPoint, printOperatingPoint } from '../model/operating-point.js';
import { type Fidelity, fidelityOf, meanFidelity } from '../planner/fidelity.js';
import { nearestOthers } from './others.js';
import type { Query } from './queries.js';

/** of a ranking that are compared; the first 50 carry 99.5% of the weight of rank-biased overlap */
export const rankingDepth = 50;

interface Ranking {
  /** best first */
  readonly ids: number[];
  /** score of the best */
  readonly best: number;
}

export interface Judgement {
  readonly fidelity: Fidelity;
  /** the best scores of queries that are unlike the corpus, as a multiple of the full model's */
  readonly scoreRatio: number;
}

/** Compares rankings with the full model's, which it remembers. */
export class Judge {
  private readonly references = new Map<number, Ranking>();

  constructor(
    private readonly encoder: Encoder,
    private readonly index: ImageIndex,
    private readonly full: OperatingPoint,
  ) {}

  /** @returns in the order of the points */
  async judge(
    points: readonly OperatingPoint[],
    queries: readonly Query[],
    onProgress: (done: number, total: number) => void,
  ): Promise<Judgement[]> {
    const references = await this.concurrently(queries, query => this.reference(query));
    const rankings = new Map(points.map((point): [OperatingPoint, Ranking[]] => [point, []]));
    const isFull = (point: OperatingPoint) => printOperatingPoint(point) === printOperatingPoint(this.full);
    let done = 0;
    // a query is decoded once for all points of a resolution
    for (const resolution of new Set(points.map(point => point.resolution))) {
      const some = points.filter(point => point.resolution === resolution);
      await this.concurrently(queries, async (query, i) => {
        const pixels = await decode(query.bytes, resolution);
        // embedding takes the pixels away
        for (const point of some)
          rankings.get(point)![i] = isFull(point) ? references[i]! : await this.rank(pixels.slice(), point, query);
        onProgress((done += some.length), points.length * queries.length);
      });
    }
    return points.map(point => judgementOf(rankings.get(point)!, references));
  }

  private async reference(query: Query): Promise<Ranking> {
    const known =
      this.references.get(query.id) ??
      (await this.rank(await decode(query.bytes, this.full.resolution), this.full, query));
    this.references.set(query.id, known);
    return known;
  }

  private async rank(pixels: Uint8Array, point: OperatingPoint, query: Query): Promise<Ranking> {
    const { vectors } = await this.encoder.embed(pixels, point);
    const others = await nearestOthers(this.index, vectors, query, rankingDepth);
    return { ids: others.map(({ image }) => image.id), best: others[0]!.score };
  }

  private concurrently<T>(queries: readonly Query[], work: (query: Query, i: number) => Promise<T>): Promise<T[]> {
    return pMap(queries, work, { concurrency: this.encoder.concurrency + 1 });
  }
}

/** Both in the order of the queries. */
function judgementOf(rankings: readonly Ranking[], references: readonly Ranking[]): Judgement {
  const low = (some: readonly Ranking[]) => meanOfLowest(some.map(({ best }) => best));
  return {
    fidelity: meanFidelity(rankings.map(({ ids }, i) => fidelityOf(ids, references[i]!.ids))),
    scoreRatio: low(rankings) / low(references),
  };
}

/** Of the lowest fifth: where it is decided whether there is anything like a query. */
function meanOfLowest(values: readonly number[]): number {
  const lowest = values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length / 5));
  return lowest.reduce((sum, value) => sum + value, 0) / lowest.length;
}
