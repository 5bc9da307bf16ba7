/** One thread's gradient of one step: its views rendered ahead, the teacher asked where needed, the passes run. */
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { createSession } from '../encoder/session.js';
import { pixelShape } from '../graph/forward.js';
import { type TrainingGraph, classificationGraph, distillationGraph, gradientOf } from '../graph/training.js';
import { patchCount } from '../model/architecture.js';
import { tokenMap } from '../model/positions.js';
import { printSubmodel } from '../model/submodel.js';
import { addScaled } from './arrays.js';
import { type Pass, planner } from './config.js';
import { slice } from './layout.js';
import { type PassMetrics, type WorkerSetup, averagePasses } from './protocol.js';
import { Views } from './views.js';

/** Blocks whose outputs students match, as shares of the depth: a few layers apart. */
const matchedDepths = [0.25, 0.5, 0.75];

/** Views in one run of the teacher: more are no faster. */
const teacherBatch = 8;

/** Views in one run of a graph: twice as many take 1.3 times the memory, and are no faster. */
const microBatch = (passes: readonly Pass[]): number => (passes.some(pass => pass.resolution > 128) ? 4 : 8);

interface Batch {
  readonly step: number;
  readonly views: readonly number[];
  readonly passes: readonly Pass[];
  /** resolution -> [B, R, R, 3] */
  readonly pixels: ReadonlyMap<number, Uint8Array>;
  /** which of the views the teacher has not seen: they are there at its resolution */
  readonly unseen: readonly number[];
}

type Feeds = Record<string, Tensor>;

/** The full model's pass of a step, whose hidden states the others match. */
interface Anchor {
  readonly outputs: Feeds;
  /** patches a side */
  readonly grid: number;
}

interface Sessions {
  /** passes that match no hidden states: the full model's */
  readonly anchor: InferenceSession;
  /** the other passes */
  readonly student: InferenceSession;
  /** distillation only */
  readonly teacher?: InferenceSession;
}

export class GradientComputer {
  private readonly plan: (step: number) => Pass[];
  private readonly views: Views;
  private readonly weights: Float32Array;
  private readonly local: Float32Array;
  private readonly gradient: Float32Array;
  /** what a graph's gradients are written to: new arrays for each run would keep the collector busy */
  private readonly part: Float32Array;
  private readonly maps = new Map<string, Float32Array>();
  private readonly hiddenNames: readonly string[];
  private next: Promise<Batch> | undefined;

  private constructor(
    private readonly setup: WorkerSetup,
    private readonly graph: TrainingGraph,
    private readonly sessions: Sessions,
    hiddenLayers: readonly number[],
  ) {
    const { architecture, config, pictures, shared, index } = setup;
    this.plan = planner(architecture, config);
    this.views = new Views(pictures, config.augmentation, config.seed);
    this.weights = new Float32Array(shared.weights);
    this.local = new Float32Array(setup.layout.length); // ONNX Runtime takes no shared buffers
    this.gradient = new Float32Array(shared.gradients[index]!);
    this.part = new Float32Array(setup.layout.length);
    this.hiddenNames = hiddenLayers.map(layer => `hidden.${layer}`);
  }

  static async create(setup: WorkerSetup): Promise<GradientComputer> {
    const { architecture: a, config } = setup;
    // The fusion would undo what autodiff.ts's productOfTransposed does.
    const create = (graph: TrainingGraph) =>
      createSession(graph.model, { disabledOptimizers: ['MatmulTransposeFusion'] });
    if (config.objective !== 'distil') {
      const graph = classificationGraph(a, setup.pictures.classes.length);
      const session = await create(graph);
      return new GradientComputer(setup, graph, { anchor: session, student: session }, []);
    }
    // the last block has no tokens but the class token's, which the embedding matches anyway
    const layers = [...new Set(matchedDepths.map(depth => Math.ceil(depth * a.depth) - 1))].filter(
      l => l < a.depth - 1,
    );
    const anchor = distillationGraph(a, { ...config, ...config.fullLoss }, layers, false);
    const student = distillationGraph(a, { ...config, ...config.subLoss }, layers, true);
    const sessions = {
      anchor: await create(anchor),
      student: await create(student),
      teacher: await createSession(setup.teacherModel!),
    };
    return new GradientComputer(setup, anchor, sessions, layers);
  }

  /** Writes this thread's gradient of a step, summed over its passes, to its shared buffer. */
  async run(step: number): Promise<PassMetrics[]> {
    const ahead = await this.next;
    const batch = ahead?.step === step ? ahead : await this.prepare(step);
    this.next = this.prepare(step + 1); // decoded by other threads while this one computes
    this.next.catch(() => undefined); // the next step throws it, if there is one
    this.local.set(this.weights);
    this.gradient.fill(0);
    await this.askTeacher(batch);
    const parts = split(batch, microBatch(batch.passes));
    const shares = parts.map(part => part.views.length / batch.views.length);
    const metrics: PassMetrics[][] = [];
    for (const [i, part] of parts.entries()) metrics.push(await this.runPasses(part, shares[i]!));
    return averagePasses(metrics, shares);
  }

  /** Adds `share` of the gradient of every pass over some views. */
  private async runPasses(batch: Batch, share: number): Promise<PassMetrics[]> {
    const metrics: PassMetrics[] = [];
    const targets = this.targets(batch);
    let anchor: Anchor | undefined;
    for (const pass of batch.passes) {
      const outputs = await this.runPass(pass, batch, targets, share, anchor);
      anchor ??= { outputs, grid: pass.resolution / this.setup.architecture.patch };
      const scalar = (name: string) => (outputs[name]!.data as Float32Array)[0]!;
      metrics.push({
        submodel: printSubmodel(pass.submodel),
        resolution: pass.resolution,
        loss: scalar('loss'),
        ...('cosine' in outputs ? { cosine: scalar('cosine') } : {}),
      });
    }
    return metrics;
  }

  private async runPass(
    pass: Pass,
    batch: Batch,
    targets: Feeds,
    share: number,
    anchor: Anchor | undefined,
  ): Promise<Feeds> {
    const { architecture: a, layout, config } = this.setup;
    const size = batch.views.length;
    const grid = pass.resolution / a.patch;
    const feeds: Feeds = {
      pixels: new Tensor('uint8', batch.pixels.get(pass.resolution)!, pixelShape(a, size, pass.resolution)),
      positionMap: this.map(a.resolution / a.patch, grid),
    };
    const slices = this.graph.parameters.map(name => {
      const entry = layout.entries.get(name)!;
      const { shape, length } = slice(a, name, entry, pass.submodel);
      feeds[name] = new Tensor('float32', this.local.subarray(entry.offset, entry.offset + length), shape);
      return { name, offset: entry.offset, length, shape };
    });
    Object.assign(feeds, targets);
    if (config.objective === 'distil' && anchor) {
      feeds['pool'] = this.map(anchor.grid, grid);
      for (const name of this.hiddenNames) feeds[name] = anchor.outputs[name]!;
    }

    const session = this.sessions[anchor ? 'student' : 'anchor'];
    const fetches: Record<string, Tensor | null> = Object.fromEntries(session.outputNames.map(name => [name, null]));
    for (const { name, offset, length, shape } of slices)
      fetches[gradientOf(name)] = new Tensor('float32', this.part.subarray(offset, offset + length), shape);
    const outputs = await session.run(feeds, fetches);
    const { part, gradient } = this;
    const factor = share * pass.weight;
    for (const { offset, length } of slices) addScaled(gradient, part, factor, [offset, offset + length]);
    return outputs;
  }

  /** What all passes over some views are to come to. */
  private targets({ step, views }: Batch): Feeds {
    if (this.setup.config.objective !== 'distil') return { labels: this.labels(views) };
    return { teacher: this.teacherRows(views), bank: this.teacherRows([...views, ...this.viewsBefore(step)]) };
  }

  private async prepare(step: number): Promise<Batch> {
    const { config, index, architecture: a } = this.setup;
    const size = config.batch / config.workers;
    const first = step * config.batch + index * size;
    const views = Array.from({ length: size }, (_, i) => (first + i) % config.views);
    const passes = this.plan(step);
    const isUnseen = (view: number) => this.teacherRow(view).every(x => x === 0);
    const unseen = this.sessions.teacher ? [...views.keys()].filter(i => isUnseen(views[i]!)) : [];
    const resolutions = new Set(passes.map(pass => pass.resolution));
    if (unseen.length > 0) resolutions.add(a.resolution);
    const rendered = [...resolutions].map(
      async resolution => [resolution, await this.views.renderAll(views, resolution)] as const,
    );
    return { step, views, passes, pixels: new Map(await Promise.all(rendered)), unseen };
  }

  private async askTeacher({ views, pixels: rendered, unseen }: Batch): Promise<void> {
    const { architecture: a, teacherPositions } = this.setup;
    const bytes = a.resolution ** 2 * 3;
    for (let at = 0; at < unseen.length; at += teacherBatch) {
      const some = unseen.slice(at, at + teacherBatch);
      const pixels = new Uint8Array(some.length * bytes);
      some.forEach((from, i) =>
        pixels.set(rendered.get(a.resolution)!.subarray(from * bytes, (from + 1) * bytes), i * bytes),
      );
      const { embedding } = await this.sessions.teacher!.run({
        pixels: new Tensor('uint8', pixels, pixelShape(a, some.length, a.resolution)),
        positions: new Tensor('float32', teacherPositions!, [1 + patchCount(a, a.resolution), a.width]),
      });
      const rows = embedding!.data as Float32Array;
      some.forEach((of, i) => this.teacherRow(views[of]!).set(rows.subarray(i * a.width, (i + 1) * a.width)));
    }
  }

  /** Shared by all threads, but a view of this step is this thread's alone. */
  private teacherRow(view: number): Float32Array {
    const { width } = this.setup.architecture;
    return new Float32Array(this.setup.shared.teacher, view * width * 4, width);
  }

  /** The views of the steps before, the teacher's embeddings of which are there. */
  private viewsBefore(step: number): number[] {
    const { batch, bank, views } = this.setup.config;
    const count = Math.min(bank, step * batch, views - batch); // not those that another thread may be writing
    return Array.from({ length: count }, (_, i) => (step * batch - count + i) % views);
  }

  private teacherRows(views: readonly number[]): Tensor {
    const { width } = this.setup.architecture;
    const rows = new Float32Array(views.length * width);
    views.forEach((view, i) => rows.set(this.teacherRow(view), i * width));
    return new Tensor('float32', rows, [views.length, width]);
  }

  private labels(views: readonly number[]): Tensor {
    const classes = this.setup.pictures.classes.length;
    const rows = new Float32Array(views.length * classes);
    views.forEach((view, i) => {
      for (const { label, weight } of this.views.labels(view)) rows[i * classes + label]! += weight;
    });
    return new Tensor('float32', rows, [views.length, classes]);
  }

  private map(from: number, to: number): Tensor {
    const key = `${from}:${to}`;
    let map = this.maps.get(key);
    if (!map) this.maps.set(key, (map = tokenMap(from, to)));
    return new Tensor('float32', map, [1 + to * to, 1 + from * from]);
  }
}

/** A batch in parts of at most `size` views. */
function split(batch: Batch, size: number): Batch[] {
  const count = Math.ceil(batch.views.length / size);
  return Array.from({ length: count }, (_, part) => {
    const [from, to] = [part * size, Math.min(batch.views.length, (part + 1) * size)];
    const cut = (all: Uint8Array) => {
      const bytes = all.length / batch.views.length;
      return all.subarray(from * bytes, to * bytes);
    };
    const pixels = new Map([...batch.pixels].map(([resolution, all]) => [resolution, cut(all)]));
    return { ...batch, views: batch.views.slice(from, to), pixels };
  });
}
