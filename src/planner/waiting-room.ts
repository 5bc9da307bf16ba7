/**
 * The requests that wait for a slot. Those that can still be in time go first, the earliest deadline before the others,
 * those without a deadline behind them. Those that cannot are late: they go when nobody else waits. Late ones and those
 * without a deadline get a fiftieth of the time at least, in order of arrival, so that nobody waits for ever. Clients
 * share the room and the turns.
 *
 * Where there are several slots, those without a deadline may be kept from holding more than one: they take the full model's
 * time, and whoever has a deadline would come to a machine on which nothing is to be had for that long.
 */
import { ClientShares } from './client-shares.js';

/**
 * Milliseconds of slot time that a client may be ahead of another who waits, and that those in time have before one of the
 * patient has a turn: a few requests of the full model.
 */
export const lead = 250;
/** share of the slot time that goes to the patient while others wait */
export const patientShare = 0.02;

export interface Waiting {
  readonly client: string;
  /** by the clock, milliseconds; Infinity for none */
  readonly deadline: number;
}

export interface Turn<E> {
  readonly entry: E;
  /** those who can be in time and wait on, the earliest deadline first */
  readonly others: readonly E[];
}

export class WaitingRoom<E extends Waiting> {
  private readonly shares = new ClientShares(lead);
  /** in order of arrival */
  private readonly entries = new Set<E>();
  /** how many of each client's wait */
  private readonly counts = new Map<string, number>();
  /** with what they are counted as in `owed` */
  private readonly inService = new Map<E, 'in time' | 'owed' | 'free'>();
  /** milliseconds that those in time have had and not yet made up for with a turn of the patient; lead at most */
  private owed = 0;

  /** @param capacity requests that may wait */
  constructor(private readonly capacity: number) {}

  get size(): number {
    return this.entries.size;
  }

  has(entry: E): boolean {
    return this.entries.has(entry);
  }

  /**
   * When the room is full, the client who has most waiting (the new request counted) loses one: the last of its late
   * requests, or else the one with the last deadline.
   * @returns the request that lost its place, if any: perhaps the new one
   */
  add(entry: E, isLate: (entry: E) => boolean): E | undefined {
    const { counts } = this;
    if (!counts.has(entry.client)) this.shares.enter(entry.client);
    this.entries.add(entry);
    counts.set(entry.client, (counts.get(entry.client) ?? 0) + 1);
    if (this.entries.size <= this.capacity) return undefined;
    // the new request's own client loses where several have most
    let [client, most] = [entry.client, counts.get(entry.client)!];
    for (const [other, count] of counts) if (count > most) [client, most] = [other, count];
    const theirs = [...this.entries].filter(other => other.client === client);
    const loser = theirs.findLast(isLate) ?? theirs.toSorted(byDeadline).at(-1)!;
    this.remove(loser);
    return loser;
  }

  /** @returns was it here? */
  remove(entry: E): boolean {
    if (!this.entries.delete(entry)) return false;
    const left = this.counts.get(entry.client)! - 1;
    if (left > 0) this.counts.set(entry.client, left);
    else this.counts.delete(entry.client);
    return true;
  }

  /**
   * Takes out the request whose turn it is; `done` must follow.
   * @param oneEndless is one slot at most for those without a deadline?
   */
  next(isLate: (entry: E) => boolean, oneEndless = false): Turn<E> | undefined {
    const live: E[] = [];
    /** late, or without a deadline */
    const patient: E[] = [];
    const isFull = oneEndless && [...this.inService.keys()].some(isEndless);
    for (const entry of this.entries) {
      if (isFull && isEndless(entry)) continue;
      const late = isLate(entry);
      if (!late) live.push(entry);
      if (late || isEndless(entry)) patient.push(entry);
    }
    live.sort(byDeadline);
    const firstLive = this.first(live);
    const firstPatient = this.first(patient);
    // not several at once, or for as long as they take nobody in time would have a slot
    const isOwed = this.owed >= lead && ![...this.inService.values()].includes('owed');
    const entry = firstPatient && (!firstLive || isOwed) ? firstPatient : firstLive;
    if (!entry) return undefined;
    this.remove(entry);
    this.inService.set(entry, entry === firstLive ? 'in time' : firstLive ? 'owed' : 'free');
    return { entry, others: live.filter(other => other !== entry) };
  }

  /** A request taken by next has left its slot. @param ms how long it held it */
  done(entry: E, ms: number): void {
    const active = new Set(this.counts.keys());
    for (const { client } of this.inService.keys()) active.add(client);
    this.shares.charge(entry.client, ms, active);
    const turn = this.inService.get(entry);
    this.inService.delete(entry);
    if (turn === 'in time') this.owed = Math.min(this.owed + ms, lead);
    else if (turn === 'owed') this.owed -= ms * (1 / patientShare - 1);
  }

  /** The first whose client is not too far ahead of the others. */
  private first(entries: readonly E[]): E | undefined {
    const eligible = this.shares.eligible(new Set(entries.map(({ client }) => client)));
    return entries.find(({ client }) => eligible.has(client));
  }
}

const isEndless = ({ deadline }: Waiting) => deadline === Infinity;

/** Array's sort is stable: equal deadlines stay in order of arrival. */
function byDeadline(a: Waiting, b: Waiting): number {
  return a.deadline < b.deadline ? -1 : a.deadline > b.deadline ? 1 : 0;
}
