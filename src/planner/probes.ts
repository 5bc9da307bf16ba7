/**
 * Refusing teaches nothing. Once a slow moment has made predictions refuse everyone, nobody would be served who could show
 * that it is over. So when none of its kind has been served for a while, one request is served that predictions refuse: where it was
 * in time the next may come at once, and each that is late makes the next wait twice as long (the half-open state of a
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
    this.next = now + this.wait;
  }

  /** The probe told nothing: the next request may be one. */
  failed(): void {
    this.next = -Infinity;
  }

  /** A probe has left its slot. */
  ended(now: number, inTime: boolean): void {
    if (!inTime) this.wait = Math.min(2 * this.wait, patience.most);
    this.next = inTime ? now : now + this.wait;
  }

  /** A request has been that predictions did not refuse: they are of the present again. */
  served(now: number): void {
    this.wait = patience.least;
    this.next = now + this.wait;
  }
}
