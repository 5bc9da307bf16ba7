/** Where the milliseconds of a search go, at several operating points, and what the graph loses against exact search. */
import type { Image } from '../catalogue/image.js';
import { MatvitError } from '../errors.js';
import { ExactIndex } from '../index/exact.js';
import { parseOperatingPoint } from '../model/operating-point.js';
import type { ImageIndex } from '../corpus/image-index.js';
import type { Searcher } from '../search/searcher.js';
import { median, quantile } from '../statistics.js';

export interface SearchTiming {
  readonly at: string;
  /** medians, milliseconds */
  readonly decodeMs: number;
  readonly encodeMs: number;
  readonly searchMs: number;
  readonly totalMs: number;
  readonly totalMs95: number;
}

export interface SearchBench {
  readonly pictures: number;
  readonly points: readonly SearchTiming[];
  /** mean recall@10 of the HNSW graph against exact search, over stored vectors as queries */
  readonly hnswRecallAt10: number;
  /** median milliseconds */
  readonly hnswMs: number;
  readonly exactMs: number;
}

export async function benchSearch(
  searcher: Searcher<ImageIndex>,
  {
    points,
    queries,
    onProgress,
  }: { points: readonly string[]; queries: number; onProgress?: (done: number, total: number) => void },
): Promise<SearchBench> {
  const { encoder, index } = searcher;
  const { catalogue } = index;
  const images = catalogue.images();
  const chosen = images.filter((_, i) => i % Math.max(1, Math.floor(images.length / queries)) === 0).slice(0, queries);
  const operatingPoints = points.map(name => parseOperatingPoint(encoder.architecture, name));
  const times = points.map(() => ({
    decode: [] as number[],
    encode: [] as number[],
    search: [] as number[],
    total: [] as number[],
  }));
  for (const [i, image] of chosen.entries()) {
    const picture = await index.picture(image);
    try {
      for (const [p, at] of operatingPoints.entries()) {
        const { cost } = await searcher.search({ picture, k: 10, at });
        for (const stage of ['decode', 'encode', 'search', 'total'] as const) times[p]![stage].push(cost.ms[stage]);
      }
    } catch (error) {
      if (!(error instanceof MatvitError)) throw error; // a picture that has gone, or changed
    }
    onProgress?.(i + 1, chosen.length);
  }
  if (times[0]?.total.length === 0)
    throw new MatvitError('INDEX_MISSING', 'no picture of the index can be read; matvit index FOLDER first');

  const exact = new ExactIndex(catalogue.dimension);
  for (const { ids, vectors } of catalogue.vectorsAdded(0, catalogue.revision())) await exact.upsert(ids, vectors);
  const [hnswMs, exactMs, recall]: [number[], number[], number[]] = [[], [], []];
  for (const image of chosen) {
    const query = catalogue.embedding(image);
    const began = performance.now();
    const { hits: found } = await index.search(query, { k: 10 });
    const middle = performance.now();
    const wanted = await exact.search(query, 10);
    exactMs.push(performance.now() - middle);
    hnswMs.push(middle - began);
    const scores = new Map(wanted.map(({ id, score }) => [id, score]));
    const score = (hit: Image) => scores.get(hit.vectorId)!;
    const best = catalogue
      .imagesOf([...scores.keys()])
      .sort((a, b) => score(b) - score(a) || a.id - b.id)
      .slice(0, 10);
    const ids = new Set(found.map(hit => hit.image.id));
    recall.push(best.filter(({ id }) => ids.has(id)).length / best.length);
  }
  return {
    pictures: images.length,
    points: points.map((at, p) => ({
      at,
      decodeMs: median(times[p]!.decode),
      encodeMs: median(times[p]!.encode),
      searchMs: median(times[p]!.search),
      totalMs: median(times[p]!.total),
      totalMs95: quantile(times[p]!.total, 0.95),
    })),
    hnswRecallAt10: recall.reduce((sum, r) => sum + r, 0) / recall.length,
    hnswMs: median(hnswMs),
    exactMs: median(exactMs),
  };
}
