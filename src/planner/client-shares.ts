/**
 * Who has had how much slot time. A client starts at the virtual time, which is what it would have had by now with an
 * equal share, so that neither a newcomer nor one who was away has a claim on the past (Demers, Keshav & Shenker 1989,
 * "Analysis and Simulation of a Fair Queueing Algorithm").
 */
export class ClientShares {
  /** milliseconds */
  private readonly had = new Map<string, number>();
  private virtual = 0;

  /** @param lead milliseconds of slot time that a client may be ahead of another who waits */
  constructor(private readonly lead: number) {}

  /** A client that had nothing waiting begins to wait. */
  enter(client: string): void {
    this.had.set(client, Math.max(this.served(client), this.virtual));
  }

  /** @param ms slot time that a client used @param active the clients that wait or are served */
  charge(client: string, ms: number, active: ReadonlySet<string>): void {
    this.had.set(client, this.served(client) + ms);
    this.virtual += ms / Math.max(active.size, 1);
    if (this.had.size <= 2 * active.size + 16) return;
    for (const [other, had] of this.had) if (had <= this.virtual && !active.has(other)) this.had.delete(other);
  }

  /** Whose turn it may be, of the clients that wait: all but those too far ahead of the one who has had least. */
  eligible(waiting: ReadonlySet<string>): ReadonlySet<string> {
    if (waiting.size < 2) return waiting;
    const clients = [...waiting];
    const limit = Math.min(...clients.map(client => this.served(client))) + this.lead;
    return new Set(clients.filter(client => this.served(client) <= limit));
  }

  private served(client: string): number {
    return this.had.get(client) ?? this.virtual;
  }
}
