/**
 * The CPU engine: ONNX Runtime in worker threads, one single-threaded session each (`run` blocks its thread, and pools
 * of two threads are slower than two of one). Requests wait in one queue, in order of arrival, for the first free worker.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { MatvitError } from '../errors.js';
import { universalGraph } from '../graph/serving.js';
import type { Architecture } from '../model/architecture.js';
import type { Checkpoint } from '../model/checkpoint.js';
import { type OperatingPoint, precisions } from '../model/operating-point.js';
import { batchSize } from './batch-size.js';
import type { Encoded, Encoder } from './encoder.js';
import type { EmbedAnswer, EmbedRequest, WorkerSetup } from './onnx-worker.js';

interface Job {
  readonly request: Omit<EmbedRequest, 'id'>;
  readonly asked: number;
  started: number;
  readonly resolve: (encoded: Encoded) => void;
  readonly reject: (error: MatvitError) => void;
}

interface Slot {
  readonly thread: Worker;
  job: Job | undefined;
}

export class OnnxEncoder implements Encoder {
  readonly precisions = precisions;
  private readonly queue: Job[] = [];
  /** started and ready */
  private readonly slots = new Set<Slot>();
  private readonly threads = new Set<Worker>();
  private closed = false;
  private jobs = 0;

  private constructor(
    readonly architecture: Architecture,
    readonly fingerprint: string,
    readonly concurrency: number,
    private readonly setup: WorkerSetup,
  ) {}

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

  async embed(pixels: Uint8Array, point: OperatingPoint): Promise<Encoded> {
    const { submodel, resolution, precision } = point;
    const batch = batchSize(pixels, point);
    if (this.closed) throw new MatvitError('ENCODER_CLOSED', 'it was asked to embed after close');
    return new Promise((resolve, reject) => {
      const request = { pixels, batch, submodel, resolution, precision };
      this.queue.push({ request, asked: performance.now(), started: 0, resolve, reject });
      this.assign();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    const gone = new MatvitError('ENCODER_CLOSED', 'it was closed before the picture was embedded');
    for (const job of this.queue.splice(0)) job.reject(gone);
    await Promise.all([...this.threads].map(thread => thread.terminate()));
  }

  private assign(): void {
    for (const slot of this.slots) {
      if (slot.job) continue;
      const job = this.queue.shift();
      if (!job) return;
      slot.job = job;
      job.started = performance.now();
      const { pixels } = job.request;
      const whole = pixels.byteLength === pixels.buffer.byteLength && pixels.buffer instanceof ArrayBuffer;
      slot.thread.postMessage({ id: this.jobs++, ...job.request }, whole ? [pixels.buffer] : []);
    }
  }

  private async startWorker(): Promise<void> {
    const thread = new Worker(new URL('./onnx-worker.js', import.meta.url), { workerData: this.setup });
    const slot: Slot = { thread, job: undefined };
    this.threads.add(thread);
    thread.once('exit', () => this.threads.delete(thread));
    await new Promise<void>((resolve, reject) => {
      thread.once('message', () => resolve());
      thread.once('error', error => reject(new MatvitError('ENGINE_UNAVAILABLE', error.message, { cause: error })));
    });
    thread.on('message', (answer: EmbedAnswer) => {
      const job = slot.job!;
      slot.job = undefined;
      this.assign();
      if ('error' in answer) job.reject(new MatvitError('ENCODER_FAILED', answer.error));
      else job.resolve({ vectors: answer.vectors, waitMs: job.started - job.asked, encodeMs: answer.encodeMs });
    });
    thread.on('error', () => undefined); // 'exit' follows and does the work
    thread.on('exit', () => this.replace(slot));
    this.slots.add(slot);
    this.assign();
  }

  /** A worker is gone: its request fails, since its pixels went with it, and another worker takes its place. */
  private replace(slot: Slot): void {
    this.slots.delete(slot);
    const { job } = slot;
    if (this.closed) {
      job?.reject(new MatvitError('ENCODER_CLOSED', 'it was closed before the picture was embedded'));
      return;
    }
    job?.reject(new MatvitError('ENCODER_FAILED', 'the worker that computed it died'));
    this.startWorker().catch(() => {
      if (this.slots.size > 0) return;
      const gone = new MatvitError('ENCODER_FAILED', 'no worker could be started again');
      for (const waiting of this.queue.splice(0)) waiting.reject(gone);
    });
  }
}
