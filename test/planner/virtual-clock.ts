import type { Clock } from '../../src/planner/clock.js';

/** Time that passes only when everything that can happen at it has happened. */
export class VirtualClock implements Clock {
  private time = 0;
  /** latest first, so that the next is the cheapest to take; equal times in the order in which they were asked for */
  private readonly events: { at: number; happen: () => void }[] = [];

  now(): number {
    return this.time;
  }

  /** @param at milliseconds, not in the past */
  schedule(at: number, happen: () => void): void {
    let i = this.events.length;
    while (i > 0 && this.events[i - 1]!.at <= at) i--;
    this.events.splice(i, 0, { at, happen });
  }

  after(ms: number, action: () => void): () => void {
    this.schedule(this.time + ms, action);
    return () => {
      const i = this.events.findIndex(({ happen }) => happen === action);
      if (i >= 0) this.events.splice(i, 1);
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise(resolve => this.schedule(this.time + ms, resolve));
  }

  /** Lets time pass until `end`, or until nothing is left to happen. */
  async run(end = Infinity): Promise<void> {
    await settled();
    while (this.events.length > 0 && this.events.at(-1)!.at <= end) {
      const { at, happen } = this.events.pop()!;
      this.time = at;
      happen();
      await settled();
    }
    if (end !== Infinity) this.time = end;
  }
}

/** After all promises that can go on have gone on. */
const settled = () => new Promise(resolve => setImmediate(resolve));
