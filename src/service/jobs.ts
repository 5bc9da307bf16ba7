/** Work that outlasts its request: one at a time, followed and cancelled by its id, the latest remembered. */
import { randomUUID } from 'node:crypto';
import { MatvitError } from '../errors.js';

export type JobState = 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface JobStatus {
  readonly id: string;
  readonly kind: 'reindex' | 'snapshot';
  readonly state: JobState;
  readonly started: string;
  readonly ended?: string;
  readonly progress?: object;
  /** of one that succeeded or was cancelled, if it has something to report */
  readonly report?: object;
  /** of one that failed */
  readonly error?: MatvitError;
}

interface Work {
  /** ends the work early */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: object) => void;
}

interface Job {
  status: JobStatus;
  readonly controller: AbortController;
  readonly listeners: Set<(status: JobStatus) => void>;
  done: Promise<void>;
}

const remembered = 20;

export class Jobs {
  private readonly jobs = new Map<string, Job>();
  private current: Job | undefined;

  /** The one that runs, or the last one. */
  get latest(): JobStatus | undefined {
    return this.current?.status;
  }

  /**
   * @param work whose result is the report, if it has one
   * @returns how it began, and how it will have ended; the latter never rejects
   * @throws JOB_RUNNING
   */
  start(
    kind: JobStatus['kind'],
    work: (context: Work) => Promise<object | void>,
  ): { status: JobStatus; done: Promise<JobStatus> } {
    if (this.current?.status.state === 'running') {
      const { status } = this.current;
      throw new MatvitError('JOB_RUNNING', `${status.kind} ${status.id}; wait for its end, or cancel it`);
    }
    const status: JobStatus = { id: randomUUID(), kind, state: 'running', started: new Date().toISOString() };
    const job: Job = { status, controller: new AbortController(), listeners: new Set(), done: Promise.resolve() };
    const { signal } = job.controller;
    const change = (part: Partial<JobStatus>) => {
      job.status = { ...job.status, ...part };
      for (const listener of job.listeners) listener(job.status);
    };
    const end = (part: Partial<JobStatus>) => change({ ...part, ended: new Date().toISOString() });
    job.done = work({ signal, onProgress: progress => change({ progress }) }).then(
      report => end({ state: signal.aborted ? 'cancelled' : 'succeeded', ...(report && { report }) }),
      (error: unknown) => {
        if (signal.aborted) end({ state: 'cancelled' });
        else
          end({
            state: 'failed',
            error:
              error instanceof MatvitError ? error : new MatvitError('INTERNAL', 'the log has more', { cause: error }),
          });
      },
    );
    this.current = job;
    this.jobs.set(status.id, job);
    for (const id of this.jobs.keys()) if (this.jobs.size > remembered) this.jobs.delete(id);
    return { status, done: job.done.then(() => job.status) };
  }

  /** @throws NOT_FOUND */
  status(id: string): JobStatus {
    return this.find(id).status;
  }

  /** Asks it to end; what it had done is kept. One that has ended stays as it is. @throws NOT_FOUND */
  cancel(id: string): JobStatus {
    const job = this.find(id);
    job.controller.abort();
    return job.status;
  }

  /** @param listener called at every change; the last has an end @returns how it stands @throws NOT_FOUND */
  follow(id: string, listener: (status: JobStatus) => void): { status: JobStatus; unfollow: () => void } {
    const { status, listeners } = this.find(id);
    listeners.add(listener);
    return { status, unfollow: () => void listeners.delete(listener) };
  }

  /** Cancels what runs, and waits for its end. */
  async stop(): Promise<void> {
    this.current?.controller.abort();
    await this.current?.done;
  }

  private find(id: string): Job {
    const job = this.jobs.get(id);
    if (!job) throw new MatvitError('NOT_FOUND', `there is no job ${id.slice(0, 40)}`);
    return job;
  }
}
