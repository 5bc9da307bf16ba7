/**
 * Decodes in child processes, one picture at a time in each: libvips and the dozen libraries below it parse what
 * strangers send, and one that crashes, never returns or swallows memory costs no more than the picture it was given.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, MatvitError, reasonOf } from '../errors.js';
import type { DecodeOptions } from './decode.js';
import type { Decoder } from './decoder.js';
import type { DecoderCall, DecoderReply, DecoderTask } from './decoder-child.js';
import type { PictureSource } from './open.js';
import { pictureError } from './picture-error.js';
import { openScratch, pass, take } from './scratch.js';
import type { ThumbnailOptions } from './thumbnail.js';

/** milliseconds that a process may take to start, on a machine that is busy */
const startPatience = 30_000;

const program = fileURLToPath(new URL('./decoder-child.js', import.meta.url));

interface Job {
  readonly source: PictureSource;
  readonly task: DecoderTask;
  readonly resolve: (data: Uint8Array<ArrayBuffer>) => void;
  readonly reject: (error: MatvitError) => void;
  /** was it taken away by the end of a process? */
  isSecond: boolean;
}

interface Child {
  readonly process: ChildProcess;
  /** its descriptor here */
  readonly scratch: number;
  isReady: boolean;
  job: Job | undefined;
  timer: NodeJS.Timeout | undefined;
}

export interface DecoderPoolOptions {
  /** processes, which start when they are first needed: about 60 MB each */
  readonly size: number;
  /** that one picture may take, milliseconds; the start of a process does not count */
  readonly timeout: number;
}

export class DecoderPool implements Decoder {
  private readonly children = new Set<Child>();
  private readonly queue: Job[] = [];
  private closed = false;

  constructor(private readonly options: DecoderPoolOptions) {}

  readonly decode = async (source: PictureSource, resolution: number, options: DecodeOptions = {}) =>
    this.run(source, { resolution, decode: options });

  readonly thumbnail = async (source: PictureSource, options: ThumbnailOptions) =>
    Buffer.from((await this.run(source, { thumbnail: options })).buffer);

  /** process ids, for whoever watches or tests them */
  get processes(): number[] {
    return [...this.children].flatMap(({ process: { pid } }) => pid ?? []);
  }

  /** Ends the processes; what is under way fails. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { reject } of this.queue.splice(0)) reject(gone());
    const started = [...this.children].filter(({ process }) => process.pid !== undefined);
    const ends = started.map(child => new Promise(resolve => child.process.once('close', resolve)));
    for (const child of this.children) child.process.kill('SIGKILL');
    await Promise.all(ends);
  }

  /** @returns bytes alone in their ArrayBuffer */
  private run(source: PictureSource, task: DecoderTask): Promise<Uint8Array<ArrayBuffer>> {
    if (this.closed) return Promise.reject(gone());
    return new Promise((resolve, reject) => {
      this.queue.push({ source, task, resolve, reject, isSecond: false });
      this.assign();
    });
  }

  private assign(): void {
    while (this.queue.length > 0) {
      const idle = [...this.children].find(({ job }) => !job);
      if (!idle && this.children.size >= this.options.size) return;
      const job = this.queue.shift()!;
      try {
        this.send(idle ?? this.start(), job);
      } catch (error) {
        // no descriptors, no processes: the machine's trouble, and it may pass
        for (const child of this.children) if (child.job === job) release(child);
        job.reject(unavailable(error));
      }
    }
  }

  private send(child: Child, job: Job): void {
    child.job = job;
    if (child.process.pid === undefined) return; // it could not be started, as it is about to say
    this.expect(child, this.options.timeout + (child.isReady ? 0 : startPatience));
    const { source, task } = job;
    const call: DecoderCall = { source: typeof source === 'string' ? source : pass(child.scratch, source), task };
    child.process.send(call, error => {
      if (error) child.process.kill('SIGKILL');
    });
  }

  /** A process that has not answered by then gets no other picture; stopped ones too end by this signal. */
  private expect(child: Child, ms: number): void {
    clearTimeout(child.timer);
    child.timer = setTimeout(() => {
      this.children.delete(child);
      child.process.kill('SIGKILL');
      this.fail(child, 'DECODER_TIMEOUT', `more than ${this.options.timeout / 1000} s`);
      this.assign();
    }, ms);
  }

  private start(): Child {
    const scratch = openScratch();
    let started: ChildProcess;
    try {
      started = fork(program, {
        serialization: 'advanced', // bytes as bytes
        execArgv: [],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc', scratch],
        // glibc would keep an arena of what a huge picture took for every thread
        env: { ...process.env, MALLOC_ARENA_MAX: '2' },
      });
    } catch (error) {
      closeSync(scratch);
      throw error;
    }
    const child: Child = { scratch, process: started, isReady: false, job: undefined, timer: undefined };
    this.children.add(child);
    child.process.on('message', (message: DecoderReply | 'ready') => {
      if (message !== 'ready') return this.settle(child, message);
      child.isReady = true;
      if (child.job) this.expect(child, this.options.timeout);
    });
    child.process.on('error', error => {
      if (child.process.pid !== undefined) return; // it ends, and says so
      closeSync(scratch);
      this.children.delete(child);
      release(child)?.reject(unavailable(error));
      this.assign();
    });
    // 'close' comes after all of its messages, of which 'ready' tells whose fault the end is
    child.process.once('exit', () =>
      child.process.once('close', () => {
        closeSync(scratch);
        this.lost(child);
      }),
    );
    return child;
  }

  private settle(child: Child, reply: DecoderReply): void {
    const job = release(child);
    if ('data' in reply) job?.resolve(take(child.scratch, reply.data));
    else job?.reject(new MatvitError(reply.error.code, reply.error.detail));
    this.assign();
  }

  /** A process can end by anything but its picture, which has one more try; it is the picture if that ends the same way. */
  private lost(child: Child): void {
    this.children.delete(child);
    const { job } = child;
    if (this.closed) this.fail(child, 'SERVER_STOPPING', 'its decoder was closed');
    else if (job && !job.isSecond) {
      release(child);
      job.isSecond = true;
      this.queue.unshift(job);
    } else this.fail(child, 'DECODER_LOST', 'the processes that were at it have ended');
    this.assign();
  }

  /** Its picture's request, if it has one. A process that was never ready has not seen the picture. */
  private fail(child: Child, code: ErrorCode, reason: string): void {
    const job = release(child);
    const isPictures = child.isReady || this.closed;
    job?.reject(isPictures ? pictureError(code, nameOf(job), reason) : unavailable('its process did not start'));
  }
}

/** It is no longer at its picture. @returns the picture's job, if it has one */
function release(child: Child): Job | undefined {
  clearTimeout(child.timer);
  const { job } = child;
  child.job = undefined;
  return job;
}

const unavailable = (cause: unknown) => new MatvitError('DECODER_UNAVAILABLE', reasonOf(cause), { cause });
const gone = () => new MatvitError('SERVER_STOPPING', 'the decoder has been closed');
const nameOf = ({ source, task }: Job) =>
  ('decode' in task ? task.decode : task.thumbnail).name ?? (typeof source === 'string' ? source : 'the upload');
