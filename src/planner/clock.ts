/** Time as the planner sees it, so that tests can hold it still. */
export interface Clock {
  /** milliseconds since some fixed moment, never going back */
  now(): number;
  /** @returns what cancels it */
  after(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms).unref();
    return () => clearTimeout(timer);
  },
};
