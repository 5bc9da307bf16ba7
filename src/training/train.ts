/** The training loop: steps, metrics, checkpoints. */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MatvitError, reasonOf, storageFailed } from '../errors.js';
import { headShapes } from '../graph/training.js';
import { staticGraph } from '../graph/serving.js';
import { tensorShapes } from '../model/architecture.js';
import { type Checkpoint, checkSameArchitecture, makeCheckpoint } from '../model/checkpoint.js';
import { uniform } from '../model/submodel.js';
import { writeFileAtomic } from '../model/write-file-atomic.js';
import { learningRateAt } from './adamw.js';
import { type TrainingConfig, checkConfig } from './config.js';
import { type Layout, layoutOf } from './layout.js';
import type { Pictures } from './pictures.js';
import { type PassMetrics, type SharedState, type WorkerRequest, type WorkerSetup, averagePasses } from './protocol.js';
import { random } from './random.js';
import { lockRun } from './run-lock.js';
import { type RunIdentity, checkRun, digestPictures, readRun, startOf, sweepRun, writeRun } from './run-state.js';
import { Threads } from './threads.js';

export interface TrainingOptions {
  readonly config: TrainingConfig;
  readonly init: Checkpoint;
  /** regressed by every submodel; distillation only */
  readonly teacher: Checkpoint;
  readonly pictures: Pictures;
  /** folder of run.safetensors and metrics.jsonl, which one run at a time writes to */
  readonly out: string;
  readonly resume: boolean;
  /** the run that is resumed may have had another number of steps */
  readonly rescheduled?: boolean;
  /** seconds between checkpoints */
  readonly checkpointEvery: number;
  readonly signal?: AbortSignal;
  readonly onStep?: (metrics: StepMetrics) => void;
  /** With every checkpoint: the averaged weights, and the steps done. */
  readonly onSave?: (checkpoint: Checkpoint, steps: number) => Promise<void>;
}

export interface StepMetrics {
  /** steps done */
  readonly step: number;
  readonly learningRate: number;
  /** L2 norm before clipping */
  readonly gradientNorm: number;
  /** views a second since the start of this process */
  readonly viewsPerSecond: number;
  readonly passes: readonly PassMetrics[];
}

export interface TrainingResult {
  readonly steps: number;
  /** stopped by the signal before its last step */
  readonly interrupted: boolean;
  /** with averaged weights */
  readonly checkpoint: Checkpoint;
}

/**
 * @throws RUN_EXISTS, RUN_MISSING, RUN_LOCKED, RESUME_MISMATCH, STORAGE_FAILED, TRAINING_DIVERGED, TRAINING_FAILED, WORKER_LOST,
 * TRAINING_DATA for labels that are all the same, CHECKPOINT_MISMATCH for a teacher of another architecture, and what checkConfig does
 */
export async function train(options: TrainingOptions): Promise<TrainingResult> {
  const { config, init, teacher, pictures, out } = options;
  checkConfig(init.architecture, config);
  if (config.objective === 'distil') checkSameArchitecture([init, teacher]);
  else if (pictures.classes.length < 2)
    throw new MatvitError('TRAINING_DATA', `all pictures are in a folder named '${pictures.classes[0]}': one class`);
  await checkRun(out, options.resume);
  await withStorage(out, () => mkdir(out, { recursive: true }));
  const lock = lockRun(out);
  try {
    await withStorage(out, () => sweepRun(out));
    return await run(options);
  } finally {
    lock.release();
  }
}

async function run(options: TrainingOptions): Promise<TrainingResult> {
  const { config, init, teacher, pictures, out, signal, rescheduled } = options;
  const a = init.architecture;
  const distil = config.objective === 'distil';
  const layout = layoutOf(a, distil ? [] : headShapes(a, pictures.classes.length));
  const shared = allocate(layout, config, distil ? teacher : undefined);
  const state = {
    weights: new Float32Array(shared.weights),
    firstMoment: new Float32Array(shared.firstMoment),
    secondMoment: new Float32Array(shared.secondMoment),
    average: new Float32Array(shared.average),
    teacher: new Float32Array(shared.teacher),
  };
  const identity: RunIdentity = {
    ...startOf(config, init, teacher),
    pictures: digestPictures(pictures),
  };
  let step = 0;
  if (options.resume) step = await readRun(out, identity, state, { rescheduled });
  else {
    start(layout, init, config.seed, state.weights);
    state.average.set(state.weights);
  }
  const metricsFile = join(out, 'metrics.jsonl');
  await keepMetrics(metricsFile, step);

  const setup: Omit<WorkerSetup, 'index'> = {
    architecture: a,
    layout,
    config,
    pictures,
    shared,
    teacherModel: distil ? staticGraph(teacher, uniform(a, 'XL'), 'fp32') : null,
    teacherPositions: distil ? teacher.weights.get('positions')! : null,
  };
  let savedStep = options.resume ? step : undefined;
  const save = async () => {
    await writeRun(out, step, identity, state);
    savedStep = step;
    const checkpoint = extract(init, layout, state.average);
    await options.onSave?.(checkpoint, step);
    return checkpoint;
  };

  const workers = await Threads.start<WorkerRequest>(
    new URL('./worker.js', import.meta.url),
    Array.from({ length: config.workers }, (_, index): WorkerSetup => ({ ...setup, index })),
  );
  const began = performance.now();
  const firstStep = step;
  let saved = began;
  try {
    while (step < config.steps && !signal?.aborted) {
      const passes = averagePasses(await workers.ask<PassMetrics[]>({ kind: 'gradient', step }));
      const squares = await workers.ask<number>({ kind: 'sum' });
      const gradientNorm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
      if (!Number.isFinite(gradientNorm))
        throw new MatvitError(
          'TRAINING_DIVERGED',
          `the gradient of step ${step + 1} is not finite; ${afterDivergence(out, savedStep, distil)}`,
        );
      const learningRate = learningRateAt(step, { ...config, peak: config.learningRate });
      const { weightDecay, averageDecay } = config;
      const gradientScale = Math.min(1, config.clip / gradientNorm);
      step++;
      await workers.ask({ kind: 'update', options: { step, learningRate, weightDecay, gradientScale, averageDecay } });
      const seconds = (performance.now() - began) / 1000;
      const metrics = {
        step,
        learningRate,
        gradientNorm,
        viewsPerSecond: ((step - firstStep) * config.batch) / seconds,
        passes,
      };
      await withStorage(metricsFile, () => appendFile(metricsFile, JSON.stringify(metrics) + '\n'));
      options.onStep?.(metrics);
      if (performance.now() - saved > options.checkpointEvery * 1000) {
        await save();
        saved = performance.now();
      }
    }
    return { steps: step, interrupted: step < config.steps, checkpoint: await save() };
  } finally {
    await workers.end();
  }
}

/** A run cannot be resumed at another learning rate: the next is another run. */
function afterDivergence(out: string, savedStep: number | undefined, distil: boolean): string {
  if (savedStep === undefined) return 'nothing was saved, begin again with a lower --learning-rate';
  const from = distil ? `--init ${out}, the same --teacher (left out: what --init was)` : `--init ${out}`;
  return `a lower --learning-rate with ${from} and --out OTHER goes on from its encoder of step ${savedStep}`;
}

/** @throws STORAGE_FAILED */
async function withStorage(path: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw storageFailed(path, error);
  }
}

/** Leaves the lines of the steps done: those after the last checkpoint will be done again. */
async function keepMetrics(path: string, steps: number): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new MatvitError('FILE_UNREADABLE', `${path}: ${reasonOf(error)}`, { cause: error });
  });
  const kept = text
    .split(/(?<=\n)/)
    .filter(line => stepOf(line) <= steps)
    .join('');
  if (kept !== text) await writeFileAtomic(path, kept);
}

/** Of a line of metrics; Infinity for one that was not finished. */
function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as StepMetrics).step;
  } catch {
    return Infinity;
  }
}

function allocate(layout: Layout, config: TrainingConfig, teacher: Checkpoint | undefined): SharedState {
  const floats = (n: number) => new SharedArrayBuffer(n * 4);
  const anchor = teacher && floats(layout.length);
  if (anchor)
    for (const [name, { offset }] of layout.entries) new Float32Array(anchor).set(teacher.weights.get(name)!, offset);
  return {
    weights: floats(layout.length),
    firstMoment: floats(layout.length),
    secondMoment: floats(layout.length),
    average: floats(layout.length),
    anchor,
    gradients: Array.from({ length: config.workers }, () => floats(layout.length)),
    teacher: floats(config.views * (teacher?.architecture.width ?? 0)),
  };
}

/** The initial checkpoint's weights; what it does not have (a classifier) starts small and random. */
function start(layout: Layout, init: Checkpoint, seed: number, weights: Float32Array): void {
  const r = random(seed, 2);
  for (const [name, entry] of layout.entries) {
    const part = weights.subarray(entry.offset, entry.offset + entry.length);
    const from = init.weights.get(name);
    if (from) part.set(from);
    else if (entry.decays) part.forEach((_, i) => (part[i] = 0.02 * r.normal()));
  }
}

function extract(init: Checkpoint, layout: Layout, weights: Float32Array): Checkpoint {
  const tensors = new Map(
    [...tensorShapes(init.architecture)].map(([name, shape]) => {
      const { offset, length } = layout.entries.get(name)!;
      return [name, { shape, data: weights.slice(offset, offset + length) }] as const;
    }),
  );
  return makeCheckpoint(init.architecture, tensors);
}
