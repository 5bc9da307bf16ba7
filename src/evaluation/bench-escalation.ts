/**
 * Is it worth encoding with a small point first, and again with a larger one where the hits are close together? The same
 * time is given to one larger point at once, for comparison.
 */
import pMap from 'p-map';
import { decode } from '../image/decode.js';
import { parseOperatingPoint } from '../model/operating-point.js';
import { fidelityOf } from '../planner/fidelity.js';
import { costOf } from '../planner/frontier.js';
import type { ImageIndex } from '../corpus/image-index.js';
import { combine } from '../search/combine.js';
import type { Searcher } from '../search/searcher.js';
import { rankingDepth } from './judge.js';
import { nearestOthers } from './others.js';
import { queriesOf } from './queries.js';

export interface EscalationRow {
  /** time for decoding and encoding, milliseconds: what the point of `single` takes (p95) */
  readonly ms: number;
  readonly single: { readonly at: string; readonly fidelity: number };
  /** the best pair of points that fits in the same time, whatever its rule */
  readonly escalated: {
    readonly first: string;
    readonly then: string;
    /** share of the queries encoded again: those with the smallest margin between the first two hits */
    readonly share: number;
    /** are the two embeddings added, or does the second one replace the first? */
    readonly merged: boolean;
    readonly fidelity: number;
    /** on average */
    readonly ms: number;
    /** fidelity of single points, mixed so that they take `ms` on average too */
    readonly sameMeanTime: number;
  };
}

const shares = [0.25, 0.5, 0.75, 1];

interface Ranking {
  readonly ids: number[];
  /** between the scores of the first two hits */
  readonly margin: number;
}

export async function benchEscalation(
  { planner, encoder, index }: Searcher<ImageIndex>,
  { queries: count, onProgress }: { queries: number; onProgress?: (done: number, total: number) => void },
): Promise<EscalationRow[]> {
  const queries = await queriesOf(index, count, 3, () => undefined);
  const points = planner.points.map(profile => ({
    at: parseOperatingPoint(encoder.architecture, profile.at),
    name: profile.at,
    ms: costOf(profile),
  }));
  const rank = async (vector: Float32Array, q: number): Promise<Ranking> => {
    const others = await nearestOthers(index, vector, queries[q]!, rankingDepth);
    return { ids: others.map(({ image }) => image.id), margin: (others[0]?.score ?? 0) - (others[1]?.score ?? 0) };
  };
  const vectors: Float32Array[][] = [];
  const rankings: Ranking[][] = [];
  for (const [p, { at }] of points.entries()) {
    vectors[p] = await pMap(
      queries,
      async ({ bytes }) => (await encoder.embed(await decode(bytes, at.resolution), at)).vectors,
      { concurrency: encoder.concurrency + 1 },
    );
    rankings[p] = await pMap(vectors[p], (vector, q) => rank(vector, q), { concurrency: 4 });
    onProgress?.(p + 1, points.length + points.length ** 2);
  }
  const reference = rankings.at(-1)!;
  const rbo = (ranking: Ranking, q: number) => fidelityOf(ranking.ids, reference[q]!.ids).rbo;
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const singles = points.map(({ ms }, p) => ({ ms, fidelity: mean(rankings[p]!.map(rbo)) }));

  /** Of every pair: fidelity by query of the second point, alone and merged. */
  const pairs: { first: number; then: number; replaced: number[]; merged: number[] }[] = [];
  for (const first of points.keys())
    for (const then of points.keys()) {
      onProgress?.(points.length + first * points.length + then + 1, points.length + points.length ** 2);
      if (then <= first || points[first]!.ms + points[then]!.ms > points.at(-1)!.ms) continue;
      const sums = queries.map((_, q) => combine([first, then].map(p => ({ vector: vectors[p]![q]!, weight: 1 }))));
      const merged = await pMap(sums, (vector, q) => rank(vector, q), { concurrency: 4 });
      pairs.push({ first, then, replaced: rankings[then]!.map(rbo), merged: merged.map(rbo) });
    }

  return points.flatMap(({ name, ms }, p): EscalationRow[] => {
    const options = pairs
      .filter(({ first, then }) => points[first]!.ms + points[then]!.ms <= ms)
      .flatMap(({ first, then, replaced, merged }) => {
        const close = rankings[first]!.map(({ margin }, q) => ({ margin, q })).sort((a, b) => a.margin - b.margin);
        return shares.flatMap(share =>
          [replaced, merged].map(second => {
            const again = new Set(close.slice(0, Math.round(share * close.length)).map(({ q }) => q));
            const fidelity = mean(rankings[first]!.map((ranking, q) => (again.has(q) ? second[q]! : rbo(ranking, q))));
            const meanMs = points[first]!.ms + share * points[then]!.ms;
            const names = { first: points[first]!.name, then: points[then]!.name };
            return {
              ...names,
              share,
              merged: second === merged,
              fidelity,
              ms: meanMs,
              sameMeanTime: mix(singles, meanMs),
            };
          }),
        );
      });
    const [best] = options.sort((a, b) => b.fidelity - a.fidelity);
    return best ? [{ ms, single: { at: name, fidelity: singles[p]!.fidelity }, escalated: best }] : [];
  });
}

/** Fidelity at a mean time between those of two points: each serves a part of the requests. */
function mix(singles: readonly { ms: number; fidelity: number }[], ms: number): number {
  const above = singles.findIndex(point => point.ms >= ms);
  if (above <= 0) return singles.at(above < 0 ? -1 : 0)!.fidelity;
  const [low, high] = [singles[above - 1]!, singles[above]!];
  return low.fidelity + ((ms - low.ms) / (high.ms - low.ms)) * (high.fidelity - low.fidelity);
}
