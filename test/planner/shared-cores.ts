import type { VirtualClock } from './virtual-clock.js';

/** Cores that whatever computes on them has in equal parts, as an operating system gives them. */
export class SharedCores {
  private readonly running = new Set<{ left: number; readonly done: () => void }>();
  private since = 0;
  private cancel = () => {};

  constructor(
    private readonly clock: VirtualClock,
    private readonly cores: number,
  ) {}

  /** @param ms of a core */
  work(ms: number): Promise<void> {
    return new Promise(done => {
      this.pass();
      this.running.add({ left: ms, done });
      this.plan();
    });
  }

  /** A thread, which does one thing after the other. */
  thread(): (ms: number) => Promise<void> {
    let last = Promise.resolve();
    return ms => (last = last.then(() => this.work(ms)));
  }

  private get speed(): number {
    return Math.min(1, this.cores / this.running.size);
  }

  private pass(): void {
    const worked = (this.clock.now() - this.since) * this.speed;
    for (const job of this.running) job.left -= worked;
    this.since = this.clock.now();
  }

  private plan(): void {
    this.cancel();
    let first: { left: number; readonly done: () => void } | undefined;
    for (const job of this.running) if (!first || job.left < first.left) first = job;
    if (!first) return;
    const next = first;
    this.cancel = this.clock.after(Math.max(0, next.left) / this.speed, () => {
      this.pass();
      this.running.delete(next);
      next.done();
      this.plan();
    });
  }
}
