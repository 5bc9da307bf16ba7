/** Time as the planner sees it, so that tests can hold it still. */
export interface Clock {
  /** milliseconds since some fixed moment, never going back */
  now(): number;
}

export const systemClock: Clock = { now: () => performance.now() };
