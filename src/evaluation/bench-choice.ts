/** What it costs to choose, and to have chosen another point than the time before. */
import type { OperatingPoint } from '../model/operating-point.js';
import { parseOperatingPoint } from '../model/operating-point.js';
import type { Searcher } from '../search/searcher.js';
import { median } from './statistics.js';

export interface ChoiceBench {
  readonly points: number;
  /** microseconds of one decision, with eight others waiting; median over batches */
  readonly decideUs: number;
  /** milliseconds that encoding takes longer after another point than after the same one; median over pairs of points */
  readonly switchMs: number;
  readonly worstSwitchMs: number;
}

export async function benchChoice(searcher: Searcher, rounds = 15): Promise<ChoiceBench> {
  const { planner, encoder } = searcher;
  const batches: number[] = [];
  const batch = 500;
  const slots = encoder.concurrency;
  const moment = { now: 0, busy: slots, slots, others: [10, 15, 20, 25, 30, 35, 40, 45] };
  for (let i = 0; i < 40; i++) {
    const began = performance.now();
    for (let j = 0; j < batch; j++) planner.decide({ arrivedAt: 0, budgetMs: 5 + (j % 60), onMiss: 'degrade' }, moment);
    batches.push((1000 * (performance.now() - began)) / batch);
  }
  const points = planner.points.map(({ at }) => parseOperatingPoint(encoder.architecture, at));
  const encode = async (at: OperatingPoint) =>
    (await encoder.embed(new Uint8Array(at.resolution ** 2 * 3), at)).encodeMs;
  const differences: number[] = [];
  for (const [i, at] of points.entries()) {
    const other = points[(i + Math.floor(points.length / 2)) % points.length]!;
    const [same, switched]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      await encode(at);
      same.push(await encode(at));
      await encode(other);
      switched.push(await encode(at));
    }
    differences.push(median(switched) - median(same));
  }
  return {
    points: points.length,
    decideUs: median(batches),
    switchMs: median(differences),
    worstSwitchMs: Math.max(...differences),
  };
}
