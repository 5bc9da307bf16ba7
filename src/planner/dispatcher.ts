/**
 * Between requests and the encoder's slots. A request's operating point is chosen when a slot becomes free for it and
 * not before, so that the choice sees what is left of its budget and who else waits. Decoding is part of the turn,
 * straight at the resolution chosen. It acts when a request comes, goes or is done; and when the time of one has come that
 * still waits and would rather have no answer than a late one, though slots may be held for longer than foreseen.
 */
import { MatvitError } from '../errors.js';
import { type Clock, systemClock } from './clock.js';
import type { Decision } from './decision.js';
import type { ServiceTimes } from './latency.js';
import type { Demand, Planner } from './planner.js';
import { type Turn, type Waiting, WaitingRoom } from './waiting-room.js';

export interface Job<T> extends Demand {
  readonly input: T;
  /** who asks: all requests of one client have one client's part of the room and of the time */
  readonly client: string;
  /** aborted when nobody waits for the answer any more */
  readonly signal?: AbortSignal | undefined;
}

export interface Served<R> {
  readonly result: R;
  readonly decision: Decision;
}

export interface DispatcherOptions<T, R> {
  readonly planner: Planner;
  /** requests served at once */
  readonly slots: number;
  /** requests that may wait */
  readonly capacity: number;
  readonly clock?: Clock;
  /** Decodes and encodes at an operating point, on all cores if it is alone and the encoder has nothing else to do. */
  readonly run: (input: T, at: string, alone: boolean) => Promise<R>;
}

interface Entry<T, R> extends Waiting {
  readonly job: Job<T>;
  readonly resolve: (served: Served<R>) => void;
  readonly reject: (error: unknown) => void;
  /** when it came, by the clock */
  readonly asked: number;
  /** was no slot free for it when it came? */
  waited: boolean;
  /** had it a budget that could be met then? */
  readonly inReach: boolean;
}

export class Dispatcher<T, R extends Omit<ServiceTimes, 'serviceMs'>> {
  private readonly clock: Clock;
  private readonly room: WaitingRoom<Entry<T, R>>;
  /** those of it that would rather have no answer than a late one, with what cancels their timer; some may have left it */
  private readonly strict = new Map<Entry<T, R>, () => void>();
  /** those being served, with the time when they should be done */
  private readonly ends = new Map<Entry<T, R>, number>();

  constructor(private readonly options: DispatcherOptions<T, R>) {
    this.clock = options.clock ?? systemClock;
    this.room = new WaitingRoom(options.capacity);
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.room.size;
  }

  /** Requests that hold a slot. */
  get serving(): number {
    return this.ends.size;
  }

  /** @throws BUDGET_EXCEEDED, QUEUE_FULL, REQUEST_ABORTED and what `run` throws */
  submit(job: Job<T>): Promise<Served<R>> {
    const { client, signal } = job;
    let leave = () => {};
    const served = new Promise<Served<R>>((resolve, reject) => {
      const goneError = () => new MatvitError('REQUEST_ABORTED', 'nobody waits for the answer');
      if (signal?.aborted) {
        reject(goneError());
        return;
      }
      const deadline = job.arrivedAt + (job.budgetMs ?? Infinity);
      const asked = this.clock.now();
      const inReach = this.options.planner.inReach(job, asked, this.options.slots);
      const entry: Entry<T, R> = { job, client, deadline, resolve, reject, asked, waited: false, inReach };
      leave = () => {
        if (!this.room.remove(entry)) return;
        if (this.clock.now() >= deadline) this.missed(entry);
        reject(goneError());
      };
      signal?.addEventListener('abort', leave, { once: true });
      if (job.onMiss === 'reject' && job.budgetMs !== undefined)
        this.strict.set(
          entry,
          this.clock.after(deadline - asked, () => this.refuse()),
        );
      const isLate = this.lateness(this.nextStart());
      const loser = this.room.add(entry, isLate);
      if (loser) {
        this.missed(loser);
        loser.reject(new MatvitError('QUEUE_FULL', `${this.options.capacity} wait already`));
      }
      this.refuse();
      if (!this.room.has(entry)) return; // and no load
      this.options.planner.arrived(asked, inReach ? job.budgetMs : undefined);
      this.fill();
      entry.waited = true;
    });
    // Node keeps a signal that depends on others, and with it the picture, for as long as anybody listens to it.
    return served.finally(() => signal?.removeEventListener('abort', leave));
  }

  private dispatch(): void {
    this.refuse();
    this.fill();
  }

  private fill(): void {
    const { planner, slots } = this.options;
    while (this.ends.size < slots) {
      const now = this.clock.now();
      const turn = this.room.next(this.lateness(now), slots > 1 && planner.expectsBudgets(now));
      if (!turn) return;
      void this.serve(turn);
    }
  }

  /** Answers the strict at once where it can foresee that they will be late. */
  private refuse(): void {
    if (this.strict.size === 0) return;
    const { planner } = this.options;
    const start = this.nextStart();
    const isLate = this.lateness(start);
    for (const [entry, cancel] of this.strict) {
      const { job } = entry;
      if (this.room.has(entry)) {
        if (!isLate(entry)) continue;
        if (this.ends.size === 0 && planner.mayProbe(job, start)) continue; // decided when it has its slot
        this.room.remove(entry);
        this.missed(entry);
        entry.reject(exceeded(job));
      }
      cancel();
      this.strict.delete(entry);
    }
  }

  private async serve({ entry, others }: Turn<Entry<T, R>>): Promise<void> {
    const { planner, slots, run } = this.options;
    const { job } = entry;
    const began = this.clock.now();
    const slack = planner.slackAt(began);
    const moment = {
      now: began,
      asked: entry.asked,
      busy: this.ends.size + 1,
      slots,
      others: others.map(other => slack(other.job)),
      waited: entry.waited,
      inReach: entry.inReach,
    };
    const decision = planner.decide(job, moment);
    this.ends.set(entry, began + (decision ? decision.predicted.decodeMs + decision.predicted.encodeMs : 0));
    try {
      if (!decision) {
        this.missed(entry);
        throw exceeded(job);
      }
      const result = await run(job.input, decision.at, decision.alone);
      const now = this.clock.now();
      const { decodeMs, encodeMs, cores } = result;
      planner.learn(job, decision, moment, now, { decodeMs, encodeMs, serviceMs: now - began, cores });
      entry.resolve({ result, decision });
    } catch (error) {
      if (decision?.why === 'probe') planner.probeFailed(job);
      entry.reject(error);
    } finally {
      this.ends.delete(entry);
      this.room.done(entry, this.clock.now() - began);
      this.dispatch();
    }
  }

  /** Where nobody had to wait, it says nothing of how much is planned for. */
  private missed({ job, inReach, waited }: Entry<T, R>): void {
    if (inReach && waited) this.options.planner.missed(job);
  }

  private lateness(at: number): (entry: Entry<T, R>) => boolean {
    const busy = Math.min(this.ends.size + 1, this.options.slots);
    const isLate = this.options.planner.lateness(at, busy);
    return ({ job }) => isLate(job);
  }

  /** When a slot should be free. */
  private nextStart(): number {
    const now = this.clock.now();
    return this.ends.size < this.options.slots ? now : Math.max(now, Math.min(...this.ends.values()));
  }
}

function exceeded({ budgetMs }: Demand): MatvitError {
  return new MatvitError('BUDGET_EXCEEDED', `nothing can be done in what is left of ${budgetMs} ms`);
}
