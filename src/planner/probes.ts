/**
 * Refusing teaches nothing. Once a slow moment has made predictions refuse everyone, nobody would be served who could show
 * that it is over. So when nothing has been served for a while, one request is served that predictions refuse: where it was
 * in time the next may come at once, and where it was late the next one waits twice as long (the half-open state of a
 * circuit breaker; Nygard 2007, "Release It!").
 */

/** milliseconds without anything served before a probe */
const patience = { least: 1000, most: 60_000 } as const;

export class Probes {
  private wait: number = patience.least;
  private next = -Infinity;

  /** @param now by the clock, milliseconds */
  isTime(now: number): boolean {
    return now >= this.next;
  }

  /** Until it has been served, or failed, nobody else is a probe. */
  begin(now: number): void {
    this.next = now + Math.max(this.wait, patience.least);
  }

  /** @param probe what came of it, if it was one */
  served(now: number, probe?: 'in time' | 'late'): void {
    if (probe === 'in time') this.wait = 0;
    else if (probe === 'late') this.wait = Math.min(Math.max(2 * this.wait, patience.least), patience.most);
    else this.wait = patience.least;
    this.next = now + this.wait;
  }
}
