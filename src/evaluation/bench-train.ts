/** Images a second of a training step (forward, backward, update) beside the forward pass alone, on all cores. */
import { join } from 'node:path';
import { OnnxEncoder } from '../encoder/onnx.js';
import type { Checkpoint } from '../model/checkpoint.js';
import { type OperatingPoint, parseOperatingPoint, printOperatingPoint } from '../model/operating-point.js';
import { type Pictures, tableColumns } from '../training/pictures.js';
import { preset, workersFor } from '../training/presets.js';
import { train } from '../training/train.js';
import { median } from '../statistics.js';
import { makeTemporaryFolder } from '../temporary-folder.js';

export interface TrainTiming {
  readonly at: string;
  /** images a second, medians over rounds */
  readonly forward: number;
  readonly step: number;
  /** time of backward and update as a multiple of the forward pass alone; median over rounds */
  readonly backwardToForward: number;
  /** largest resident memory while training, bytes */
  readonly memory: number;
}

/** the first make sessions and memory, and V8 compiles the loops over all parameters */
const warmup = 10;
const steps = 6;

export async function benchTrain(
  checkpoint: Checkpoint,
  {
    points,
    rounds,
    cores,
    onProgress,
  }: { points: readonly string[]; rounds: number; cores: number; onProgress?: (done: number, total: number) => void },
): Promise<TrainTiming[]> {
  const configs = points.map(name => {
    const at = parseOperatingPoint(checkpoint.architecture, name);
    return { at, config: preset(checkpoint.architecture, 'plain', at) };
  });
  const workers = workersFor(configs[0]!.config.batch, cores);
  const temporary = await makeTemporaryFolder();
  const out = temporary.path;
  const timings: TrainTiming[] = [];
  let encoder: OnnxEncoder | undefined;
  try {
    encoder = await OnnxEncoder.create(checkpoint, workers);
    const pictures = grey(64, 128);
    for (const [p, { at, config }] of configs.entries()) {
      const rows: { forward: number; step: number }[] = [];
      let memory = 0;
      for (let round = 0; round < rounds; round++) {
        const forward = await forwardRate(encoder, at);
        let last = { step: 0, at: 0 };
        let first = last;
        await train({
          config: { ...config, workers, steps: warmup + steps, views: 64 },
          ...{ init: checkpoint, teacher: checkpoint, pictures, resume: false, checkpointEvery: 1e9 },
          out: join(out, `${p}-${round}`),
          onStep: ({ step }) => {
            last = { step, at: performance.now() };
            if (step === warmup) first = last;
            memory = Math.max(memory, process.memoryUsage.rss());
          },
        });
        rows.push({ forward, step: (1000 * config.batch * (last.step - first.step)) / (last.at - first.at) });
        onProgress?.(p * rounds + round + 1, points.length * rounds);
      }
      timings.push({
        at: printOperatingPoint(at),
        forward: median(rows.map(row => row.forward)),
        step: median(rows.map(row => row.step)),
        backwardToForward: median(rows.map(row => row.forward / row.step - 1)),
        memory,
      });
    }
  } finally {
    await Promise.all([encoder?.close(), temporary.remove()]);
  }
  return timings;
}

async function forwardRate(encoder: OnnxEncoder, at: OperatingPoint): Promise<number> {
  const calls = 4 * encoder.concurrency;
  const size = 8;
  const embed = () => encoder.embed(new Uint8Array(size * at.resolution ** 2 * 3), at);
  await Promise.all(Array.from({ length: encoder.concurrency }, embed));
  const began = performance.now();
  await Promise.all(Array.from({ length: calls }, embed));
  return (1000 * calls * size) / (performance.now() - began);
}

/** Pictures whose content does not matter. */
function grey(count: number, side: number): Pictures {
  const bytes = side * side * 3;
  const pixels = new SharedArrayBuffer(count * bytes);
  new Uint8Array(pixels).fill(128);
  const table = new Float64Array(new SharedArrayBuffer(count * tableColumns * 8));
  for (let i = 0; i < count; i++) table.set([i * bytes, side, side, 0, i % 2], i * tableColumns);
  return { pixels, table, classes: ['a', 'b'], failed: 0 };
}
