/**
 * Decodes in child processes, one picture at a time in each: libvips and the dozen libraries below it parse what
 * strangers send, and one that crashes, never returns or swallows memory costs no more than the picture it was given.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, MatvitError } from '../errors.js';
import type { DecodeOptions } from './decode.js';
import type { Decoder } from './decoder.js';
import type { DecoderCall, DecoderReply } from './decoder-child.js';
import type { PictureSource } from './open.js';
import { pictureError } from './picture-error.js';
import type { ThumbnailOptions } from './thumbnail.js';

/** A child that holds more after a picture is replaced: its heap has been torn apart by something huge. Bytes. */
const maxIdleMemory = 300e6;

const program = fileURLToPath(new URL('./decoder-child.js', import.meta.url));

interface Job {
  readonly call: DecoderCall;
  readonly name: string;
  readonly resolve: (data: Uint8Array) => void;
  readonly reject: (error: MatvitError) => void;
}

interface Child {
  readonly process: ChildProcess;
  job: Job | undefined;
  timer: NodeJS.Timeout | undefined;
}

export interface DecoderPoolOptions {
  /** processes, which start when they are first needed: about 60 MB each */
  readonly size: number;
  /** that one picture may take, milliseconds */
  readonly timeout: number;
}

export class DecoderPool implements Decoder {
  private readonly children = new Set<Child>();
  private readonly queue: Job[] = [];
  private closed = false;

  constructor(private readonly options: DecoderPoolOptions) {}

  readonly decode = async (source: PictureSource, resolution: number, options: DecodeOptions = {}) =>
    this.run({ decode: [source, resolution, options] }, options.name ?? nameOf(source));

  readonly thumbnail = async (source: PictureSource, options: ThumbnailOptions) =>
    Buffer.from((await this.run({ thumbnail: [source, options] }, options.name ?? nameOf(source))).buffer);

  /** process ids, for whoever watches or tests them */
  get processes(): number[] {
    return [...this.children].flatMap(({ process: { pid } }) => pid ?? []);
  }

  /** Ends the processes; what is under way fails. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { reject } of this.queue.splice(0)) reject(gone());
    const ends = [...this.children].map(child => new Promise(resolve => child.process.once('exit', resolve)));
    for (const child of this.children) child.process.kill('SIGKILL');
    await Promise.all(ends);
  }

  /** @returns bytes alone in their ArrayBuffer */
  private run(call: DecoderCall, name: string): Promise<Uint8Array<ArrayBuffer>> {
    if (this.closed) return Promise.reject(gone());
    return new Promise((resolve, reject) => {
      // what arrives is a view into its whole message
      this.queue.push({ call, name, resolve: data => resolve(Uint8Array.from(data)), reject });
      this.assign();
    });
  }

  private assign(): void {
    while (this.queue.length > 0) {
      const idle = [...this.children].find(({ job }) => !job);
      if (!idle && this.children.size >= this.options.size) return;
      this.send(idle ?? this.start(), this.queue.shift()!);
    }
  }

  private send(child: Child, job: Job): void {
    child.job = job;
    child.timer = setTimeout(() => {
      this.fail(child, 'DECODER_TIMEOUT', `more than ${this.options.timeout / 1000} s`);
      this.retire(child);
      this.assign();
    }, this.options.timeout);
    child.process.send(job.call, error => {
      if (error) child.process.kill('SIGKILL');
    });
  }

  private start(): Child {
    const child: Child = {
      process: fork(program, {
        serialization: 'advanced', // bytes as bytes
        execArgv: [],
        // glibc would keep an arena of what a huge picture took for every thread
        env: { ...process.env, MALLOC_ARENA_MAX: '2' },
      }),
      ...{ job: undefined, timer: undefined },
    };
    this.children.add(child);
    child.process.on('message', (reply: DecoderReply) => this.settle(child, reply));
    child.process.once('error', () => this.lost(child)); // it could not be started
    child.process.once('exit', () => this.lost(child));
    return child;
  }

  private settle(child: Child, reply: DecoderReply): void {
    const { job } = child;
    clearTimeout(child.timer);
    child.job = undefined;
    if (reply.memory > maxIdleMemory) this.retire(child);
    if ('data' in reply) job?.resolve(reply.data);
    else job?.reject(new MatvitError(reply.error.code, reply.error.detail));
    this.assign();
  }

  /** It gets no other picture, whatever it is doing; stopped processes too end by this signal. */
  private retire(child: Child): void {
    this.children.delete(child);
    child.process.kill('SIGKILL');
  }

  private lost(child: Child): void {
    this.children.delete(child);
    if (this.closed) this.fail(child, 'SERVER_STOPPING', 'its decoder was closed');
    else this.fail(child, 'DECODER_LOST', 'the process that was at it has ended');
    this.assign();
  }

  /** Its picture's request, if it has one. */
  private fail(child: Child, code: ErrorCode, reason: string): void {
    clearTimeout(child.timer);
    child.job?.reject(pictureError(code, child.job.name, reason));
    child.job = undefined;
  }
}

const gone = () => new MatvitError('SERVER_STOPPING', 'the decoder has been closed');
const nameOf = (source: PictureSource) => (typeof source === 'string' ? source : 'the upload');
