/**
 * Fitting a p95 alone would let one in twenty miss where the fit is tight. This is the room left above it, as a factor,
 * learned from the misses: each widens it, each success narrows it a little, so that in the long run no more than a
 * target share of the requests that should have fitted miss (adaptive conformal inference, Gibbs & Candès 2021). While
 * misses are rarer than that it is 1, and the p95 decides.
 *
 * A machine that serves one request at a time and one that is busy learn apart. In the first one in a hundred may miss; in the
 * second far fewer, since a miss there delays others.
 */

/** share of the requests predicted to fit that may miss */
const targets = { alone: 0.01, busy: 0.0005 };
/** what a miss adds, in logarithms: 10% */
const step = 0.1;
/** the most it can be: twice the p95; what misses then does so for other reasons than the choice */
const most = Math.log(2);
/** what a busy machine begins with, in logarithms: the first misses would be many until it has learned */
const caution = 0.4;
/** power of the factor that a request of a busy machine leaves above its own p95: it would be late alone, not with many */
const ownPower = 0.75;
/** the machine is busy when this share of the latest requests had company, the latest fifty or so */
const busyShare = 0.1;
const latest = 50;

export class Headroom {
  private readonly log = { alone: 0, busy: caution };
  private company = 0;

  /** 1 … 2 */
  get factor(): number {
    return Math.exp(this.log[this.state]);
  }

  /** The same above a request's own p95, where `factor` is for the sake of others: no greater. */
  get own(): number {
    return this.busy ? this.factor ** ownPower : this.factor;
  }

  /** After any request. @param company did another wait or hold a slot when it was chosen for? */
  served(company: boolean): void {
    this.company += (Number(company) - this.company) / latest;
  }

  /** After a request that was predicted to fit. */
  record(missed: boolean): void {
    const { state } = this;
    this.log[state] = Math.min(most, Math.max(0, this.log[state] + step * (Number(missed) - targets[state])));
  }

  /** Do requests overlap? Who waits for each answer before asking again never has company, however fast that is. */
  get busy(): boolean {
    return this.company > busyShare;
  }

  private get state(): 'alone' | 'busy' {
    return this.busy ? 'busy' : 'alone';
  }
}
