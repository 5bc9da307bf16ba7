/**
 * The CPU engine: ONNX Runtime in worker threads (`run` blocks its thread), with sessions of one thread each, since together
 * they get more done than one of several; a call that is alone may have one of several all the same. Requests wait in one
 * queue, in order of arrival, for the first free worker.
 */
import './no-telemetry.js';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { MatvitError, reasonOf } from '../errors.js';
import { universalGraph } from '../graph/serving.js';
import type { Architecture } from '../model/architecture.js';
import type { Checkpoint } from '../model/checkpoint.js';
import { type OperatingPoint, precisions } from '../model/operating-point.js';
import { batchSize } from './batch-size.js';
import type { Encoded, Encoder } from './encoder.js';
import type { EmbedAnswer, EmbedRequest, WorkerSetup } from './onnx-worker.js';

/** Threads that share one forward pass, at most: with more of them its products become too small to share. */
const mostCores = 4;
/** milliseconds between attempts to start a worker while another one works */
const startPause = 1000;

interface Job {
  readonly request: Omit<EmbedRequest, 'cores'>;
  /** cores, if it is the only one */
  readonly mayHave: number;
  readonly asked: number;
  started: number;
  /** that it has */
  cores: number;
  readonly resolve: (encoded: Encoded) => void;
  readonly reject: (error: MatvitError) => void;
}

interface Slot {
  readonly thread: Worker;
  job: Job | undefined;
}

export class OnnxEncoder implements Encoder {
  readonly precisions = precisions;
  readonly cores: number;
  private readonly queue: Job[] = [];
  /** started and ready */
  private readonly slots = new Set<Slot>();
  private readonly threads = new Set<Worker>();
  /** the one of them whose calls may have several cores */
  private wide: Worker | undefined;
  private closed = false;
  /** when one that could not be started may be tried again, by performance.now() */
  private nextStart = 0;

  private constructor(
    readonly architecture: Architecture,
    readonly fingerprint: string,
    readonly concurrency: number,
    private readonly setup: Omit<WorkerSetup, 'mostCores'>,
  ) {
    this.cores = Math.min(concurrency, availableParallelism(), mostCores);
  }

  get engine(): string {
    return `onnx, ${this.concurrency} worker${this.concurrency === 1 ? '' : 's'}`;
  }

  /** @param workers threads; one a core if undefined */
  static async create(checkpoint: Checkpoint, workers = availableParallelism()): Promise<OnnxEncoder> {
    const shared = (bytes: Uint8Array) => {
      const copy = new Uint8Array(new SharedArrayBuffer(bytes.length)); // one copy for all workers
      copy.set(bytes);
      return copy;
    };
    const encoder = new OnnxEncoder(checkpoint.architecture, checkpoint.fingerprint, workers, {
      architecture: checkpoint.architecture,
      positions: checkpoint.weights.get('positions')!,
      models: { fp32: shared(universalGraph(checkpoint, 'fp32')), int8: shared(universalGraph(checkpoint, 'int8')) },
    });
    try {
      await Promise.all(Array.from({ length: workers }, () => encoder.startWorker()));
    } catch (error) {
      await encoder.close();
      throw error;
    }
    return encoder;
  }

  async embed(pixels: Uint8Array, point: OperatingPoint, cores = 1): Promise<Encoded> {
    const { submodel, resolution, precision } = point;
    const batch = batchSize(this.architecture, pixels, point);
    if (this.closed) throw new MatvitError('ENCODER_CLOSED', 'it was asked to embed after close');
    return new Promise((resolve, reject) => {
      const request = { pixels, batch, submodel, resolution, precision };
      const asked = performance.now();
      this.queue.push({ request, mayHave: cores, asked, started: 0, cores: 1, resolve, reject });
      this.assign();
      this.startMissing();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    const gone = new MatvitError('ENCODER_CLOSED', 'it was closed before the picture was embedded');
    for (const job of this.queue.splice(0)) job.reject(gone);
    const ends = [...this.threads].map(thread => new Promise(resolve => thread.once('exit', resolve)));
    for (const slot of this.slots) this.endIfIdle(slot);
    await Promise.all(ends);
  }

  /** Asks a thread to end; terminating one that is inside ONNX Runtime would abort the process. */
  private endIfIdle({ thread, job }: Slot): void {
    if (!job) thread.postMessage('end');
  }

  private assign(): void {
    while (this.queue.length > 0) {
      const idle = [...this.slots].filter(({ job }) => !job);
      if (idle.length === 0) return;
      const wide = idle.find(({ thread }) => thread === this.wide);
      const job = this.queue.shift()!;
      const isAlone = idle.length === this.slots.size;
      if (job.mayHave > 1 && wide && isAlone) this.send(wide, job, this.cores);
      else this.send(idle.find(slot => slot !== wide) ?? idle[0]!, job, 1);
    }
  }

  private send(slot: Slot, job: Job, cores: number): void {
    slot.job = job;
    job.cores = cores;
    job.started = performance.now();
    const { pixels } = job.request;
    const whole = pixels.byteLength === pixels.buffer.byteLength && pixels.buffer instanceof ArrayBuffer;
    try {
      if (pixels.length === 0) throw new Error('its pixels have gone away with an earlier call');
      slot.thread.postMessage({ ...job.request, cores }, whole ? [pixels.buffer] : []);
    } catch (error) {
      slot.job = undefined;
      job.reject(new MatvitError('ENCODER_FAILED', reasonOf(error), { cause: error }));
    }
  }

  /** Rejects even where the thread cannot be made. @throws ENGINE_UNAVAILABLE if it ends before it is ready */
  private async startWorker(): Promise<void> {
    const setup: WorkerSetup = { ...this.setup, mostCores: this.wide ? 1 : this.cores };
    // not the program's flags: `node --input-type=module --eval` would hand on what no file can have
    const thread = new Worker(new URL('./onnx-worker.js', import.meta.url), { workerData: setup, execArgv: [] });
    if (setup.mostCores > 1) this.wide = thread;
    const slot: Slot = { thread, job: undefined };
    this.threads.add(thread);
    return new Promise((resolve, reject) => {
      let reason = 'a worker ended before it was ready';
      thread.on('message', (message: EmbedAnswer | 'ready') => {
        if (message === 'ready') {
          this.slots.add(slot);
          resolve();
        } else settle(slot, message);
        if (this.closed) this.endIfIdle(slot);
        else this.assign();
      });
      thread.on('error', error => (reason = error.message)); // 'exit' follows and does the work
      thread.on('exit', () => {
        this.threads.delete(thread);
        if (this.wide === thread) this.wide = undefined; // the next to start will be
        if (this.slots.delete(slot)) this.replace(slot);
        else reject(new MatvitError('ENGINE_UNAVAILABLE', reason));
      });
    });
  }

  /** A worker is gone: its request fails, since its pixels went with it, and another worker takes its place. */
  private replace({ job }: Slot): void {
    if (this.closed) {
      job?.reject(new MatvitError('ENCODER_CLOSED', 'it was closed before the picture was embedded'));
      return;
    }
    job?.reject(new MatvitError('WORKER_LOST', 'another one takes its place; ask again'));
    this.startAnother();
  }

  /** Those that could not be replaced: at once if there is none at all. */
  private startMissing(): void {
    const { size } = this.threads;
    if (size < this.concurrency && (size === 0 || performance.now() >= this.nextStart)) this.startAnother();
  }

  private startAnother(): void {
    this.startWorker().catch((error: unknown) => {
      this.nextStart = performance.now() + startPause;
      if (this.threads.size > 0) return;
      const gone = new MatvitError('ENCODER_FAILED', 'no worker could be started again', { cause: error });
      for (const waiting of this.queue.splice(0)) waiting.reject(gone);
    });
  }
}

function settle(slot: Slot, answer: EmbedAnswer): void {
  const job = slot.job!;
  slot.job = undefined;
  if ('error' in answer) job.reject(new MatvitError('ENCODER_FAILED', answer.error));
  else {
    const { vectors, encodeMs } = answer;
    job.resolve({ vectors, waitMs: job.started - job.asked, encodeMs, cores: job.cores });
  }
}
