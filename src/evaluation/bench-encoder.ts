/**
 * Latency of the universal graph at every granularity, resolution and precision, beside a static graph of the same
 * submodel: one thread, batch 1, all of them in turn in every round, so that noise meets all alike.
 */
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { createSession } from '../encoder/session.js';
import { pixelShape } from '../graph/forward.js';
import { staticGraph, universalGraph } from '../graph/serving.js';
import { granularityNames } from '../model/architecture.js';
import type { Checkpoint } from '../model/checkpoint.js';
import { type OperatingPoint, precisions, printOperatingPoint } from '../model/operating-point.js';
import { positionsAt } from '../model/positions.js';
import { printSubmodel, uniform } from '../model/submodel.js';
import { median } from '../statistics.js';

export interface EncoderTiming {
  readonly at: string;
  /** median milliseconds of the universal graph */
  readonly ms: number;
  /** median milliseconds of the static graph */
  readonly staticMs: number;
  /** median over rounds of universal / static */
  readonly ratioToStatic: number;
  /** median over rounds of this point / XL@224:fp32, both universal */
  readonly ratioToXL224: number;
}

export interface BenchEncoderOptions {
  readonly rounds: number;
  /** the largest is the one that others are compared with: 224 */
  readonly resolutions: readonly number[];
  readonly onProgress?: (done: number, total: number) => void;
}

export async function benchEncoder(checkpoint: Checkpoint, options: BenchEncoderOptions): Promise<EncoderTiming[]> {
  const a = checkpoint.architecture;
  const points = granularityNames
    .toReversed()
    .flatMap(name =>
      options.resolutions.flatMap(resolution =>
        precisions.map((precision): OperatingPoint => ({ submodel: uniform(a, name), resolution, precision })),
      ),
    );
  const sessions = new Map<string, InferenceSession>();
  for (const precision of precisions) {
    sessions.set(precision, await createSession(universalGraph(checkpoint, precision)));
    for (const name of granularityNames)
      sessions.set(`${name}:${precision}`, await createSession(staticGraph(checkpoint, uniform(a, name), precision)));
  }
  const runs = points.map(point => {
    const { submodel, resolution, precision } = point;
    const positions = positionsAt(a, checkpoint.weights.get('positions')!, resolution);
    const feeds = {
      pixels: new Tensor('uint8', noise(resolution * resolution * 3), pixelShape(a, 1, resolution)),
      positions: new Tensor('float32', positions, [positions.length / a.width, a.width]),
    };
    const widths = new Tensor('int64', BigInt64Array.from(submodel, BigInt), [a.depth]);
    const universal = sessions.get(precision)!;
    const fixed = sessions.get(`${printSubmodel(submodel)}:${precision}`)!;
    return {
      at: printOperatingPoint(point),
      universal: () => universal.run({ ...feeds, widths }),
      fixed: () => fixed.run(feeds),
      ms: [] as number[],
      staticMs: [] as number[],
    };
  });
  const full = runs.find(run => run.at === `XL@${Math.max(...options.resolutions)}:fp32`)!;
  const warmup = 2;
  for (let round = -warmup; round < options.rounds; round++) {
    for (const run of runs) {
      // which of the two goes first alternates: the second finds warmer caches
      const pair = [
        [run.universal, run.ms],
        [run.fixed, run.staticMs],
      ] as const;
      for (const [go, times] of round % 2 === 0 ? pair : pair.toReversed()) {
        const began = performance.now();
        await go();
        if (round >= 0) times.push(performance.now() - began);
      }
    }
    options.onProgress?.(round + warmup + 1, options.rounds + warmup);
  }
  for (const session of sessions.values()) await session.release();
  const ratio = (times: number[], to: number[]) => median(times.map((ms, i) => ms / to[i]!));
  return runs.map(run => ({
    at: run.at,
    ms: median(run.ms),
    staticMs: median(run.staticMs),
    ratioToStatic: ratio(run.ms, run.staticMs),
    ratioToXL224: ratio(run.ms, full.ms),
  }));
}

function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7919) % 251);
}
