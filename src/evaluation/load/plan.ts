/** What the load generator's process is told, and what it tells back. Times in milliseconds. */

export interface LoadPlan {
  /** http://127.0.0.1:port */
  readonly url: string;
  /** query string of every request */
  readonly query: string;
  readonly pictures: readonly Uint8Array[];
  /** when to send each request, from the start; or how many to keep under way and for how long */
  readonly arrivals: readonly number[] | { readonly inFlight: number; readonly ms: number };
  /** an answer that has not come by then counts as none */
  readonly patienceMs: number;
}

export interface Sample {
  /** place of its picture among the plan's */
  readonly picture: number;
  /** from handing over the last byte to the answer's first */
  readonly ms: number;
  /** HTTP status; 0 for no answer */
  readonly status: number;
  /** how long after its time it was sent */
  readonly lateMs: number;
  /** the answer, if it is one */
  readonly answer?: {
    readonly ids: readonly number[];
    readonly at: string;
    readonly predictedEncodeMs: number;
    readonly encodeMs: number;
  };
}

export interface LoadResult {
  readonly samples: readonly Sample[];
  /** from the first request to the last answer */
  readonly ms: number;
  /** share of one core that the generator used */
  readonly cpu: number;
}
