/** What it costs to choose, and to have chosen another point than the time before. */
import type { OperatingPoint } from '../model/operating-point.js';
import { parseOperatingPoint } from '../model/operating-point.js';
import { Dispatcher } from '../planner/dispatcher.js';
import { LatencyModel } from '../planner/latency.js';
import { Planner } from '../planner/planner.js';
import type { Searcher } from '../search/searcher.js';
import { median } from '../statistics.js';

export interface ChoiceBench {
  /** by how many others wait: microseconds that a request takes of the dispatcher, from coming to going */
  readonly dispatchUs: Readonly<Record<number, number>>;
  /** milliseconds that encoding takes longer after another point than after the same one; median over pairs of points */
  readonly switchMs: number;
  readonly worstSwitchMs: number;
}

/** requests that wait */
const queues = [0, 8, 64, 256];

export async function benchChoice(searcher: Searcher, rounds = 15): Promise<ChoiceBench> {
  const dispatchUs: Record<number, number> = {};
  for (const waiting of queues) dispatchUs[waiting] = await dispatching(searcher, waiting);
  const { planner, encoder } = searcher;
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
    dispatchUs,
    switchMs: median(differences),
    worstSwitchMs: Math.max(...differences),
  };
}

/**
 * Microseconds a request, median over batches: all that the planner does for it, its turn and what is learned from it
 * too, while as many others as said can still be in time and every slot is taken. Serving takes no time.
 */
async function dispatching({ calibration, encoder }: Searcher, waiting: number): Promise<number> {
  const slots = encoder.concurrency;
  const { points } = calibration;
  const serving: { at: string; done: (times: { decodeMs: number; encodeMs: number; cores: number }) => void }[] = [];
  const dispatcher = new Dispatcher<undefined, { decodeMs: number; encodeMs: number; cores: number }>({
    planner: new Planner(points, new LatencyModel(points, { ...calibration, slots })),
    ...{ slots, capacity: waiting + 1 },
    run: (_, at) => new Promise(resolve => serving.push({ at, done: resolve })),
  });
  const submit = (i: number) => {
    const arrivedAt = performance.now();
    const bytes = 50_000 + 1000 * (i % 100);
    return dispatcher.submit({
      ...{ input: undefined, client: `${i % 4}`, arrivedAt, budgetMs: 60_000 + 100 * (i % 60) },
      ...{ onMiss: 'degrade', bytes },
    });
  };
  /** The one served longest goes. */
  const finish = async () => {
    const { at, done } = serving.shift()!;
    const { decodeMs, encodeMs } = points.find(point => point.at === at)!;
    done({ decodeMs: decodeMs.p50, encodeMs: encodeMs.p50, cores: 1 });
    // until its turn is over, and the next has begun if anyone waits
    while (dispatcher.serving === slots && serving.length < slots) await Promise.resolve();
  };
  for (let i = 0; i < slots + waiting; i++) void submit(i);
  const times: number[] = [];
  for (let batch = 0; batch < 40; batch++) {
    const began = performance.now();
    for (let i = 0; i < 200; i++) {
      await finish();
      void submit(i);
    }
    times.push((1000 * (performance.now() - began)) / 200);
  }
  return median(times);
}
