import '../encoder/no-telemetry.js';
import { Worker } from 'node:worker_threads';
import { MatvitError, reasonOf } from '../errors.js';

/**
 * Worker threads that are all asked the same, one request at a time. Their script says that it is ready, answers each
 * request with `{ value }` or `{ error }`, and closes its port when it is told to 'end'.
 */
export class Threads<Request> {
  private constructor(private readonly threads: readonly Thread[]) {}

  /** One for each of `setups`, which is its workerData. @throws what ended one before it was ready */
  static async start<Request>(script: URL, setups: readonly unknown[]): Promise<Threads<Request>> {
    const threads: Thread[] = [];
    try {
      for (const setup of setups) threads.push(new Thread(new Worker(script, { workerData: setup })));
      await settled(threads.map(thread => thread.answer()));
    } catch (error) {
      await new Threads(threads).end();
      throw error;
    }
    return new Threads(threads);
  }

  /** @throws TRAINING_FAILED with what the first of them that failed answered, WORKER_LOST if it is gone: when none is at work any more */
  ask<T>(request: Request): Promise<T[]> {
    return settled(this.threads.map(thread => thread.ask<T>(request)));
  }

  /** Lets each finish what it does: terminating one that is inside ONNX Runtime would abort the process. */
  async end(): Promise<void> {
    await Promise.all(this.threads.map(thread => thread.end()));
  }
}

class Thread {
  private waiting: { resolve: (value: unknown) => void; reject: (error: unknown) => void } | undefined;
  /** why it cannot be asked again */
  private gone: MatvitError | undefined;
  private readonly ended: Promise<void>;

  constructor(private readonly thread: Worker) {
    thread.on('message', ({ value, error }: { value?: unknown; error?: unknown }) => {
      // an error that comes from another thread has lost its class and its code
      if (error !== undefined)
        this.waiting?.reject(new MatvitError('TRAINING_FAILED', reasonOf(error), { cause: error }));
      else this.waiting?.resolve(value);
    });
    let cause: unknown;
    thread.on('error', error => (cause = error)); // 'exit' follows and does the work
    this.ended = new Promise(resolve => {
      thread.on('exit', code => {
        const reason = cause === undefined ? `it ended with code ${code}` : reasonOf(cause);
        this.gone = new MatvitError('WORKER_LOST', reason, { cause });
        this.waiting?.reject(this.gone);
        resolve();
      });
    });
  }

  async ask<T>(request: unknown): Promise<T> {
    if (this.gone) throw this.gone;
    const answer = this.answer<T>();
    this.thread.postMessage(request);
    return answer;
  }

  answer<T>(): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.waiting = { resolve: resolve as (value: unknown) => void, reject };
    });
  }

  end(): Promise<void> {
    this.thread.postMessage('end');
    return this.ended;
  }
}

/** As Promise.all, but rejects only when nothing is outstanding. */
async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
