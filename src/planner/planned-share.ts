/**
 * The share of the slots' time that is planned for while requests overlap: the rest is for those that come close together.
 * What a share costs depends on the machine (the event loop and other work have part of its cores, and slots are held for
 * longer than stages take) and on how requests come, so it is learned from the misses: each takes a part of it, and is
 * forgotten as others are served.
 */

/** when nothing has been missed for long: all of it, since the rate that is planned with is the greatest of late */
const most = 1;
/** what it begins with: the first misses would be many until it has learned */
const first = 0.72;
/** what a miss takes, in logarithms: 5% */
const step = 0.05;
/** requests over which it is forgotten */
const window = 2000;
/** the most that misses take, in logarithms: where they are that many, planning for less no longer helps */
const deepest = 0.82;

export class PlannedShare {
  private taken = Math.log(most / first);

  /** 0.44 … 1 */
  get value(): number {
    return most * Math.exp(-this.taken);
  }

  /** After a request that could have been in time, by what was foreseen when it came, and had company. */
  record(missed: boolean): void {
    this.taken = Math.min(deepest, this.taken * (1 - 1 / window) + (missed ? step : 0));
  }
}
