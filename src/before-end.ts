/** What has to be done before a signal ends this process: children that would live on, files that would stay. */

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const actions = new Set<() => void>();

/** First of the listeners, so that it counts those that take themselves off. */
function end(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return; // whoever else listens ends it in order
  for (const action of actions) action();
  actions.clear();
  for (const each of signals) process.off(each, end);
  process.kill(process.pid, signal);
}

/** @param action synchronous @returns what takes it back */
export function beforeEnd(action: () => void): () => void {
  if (actions.size === 0) for (const signal of signals) process.prependListener(signal, end);
  actions.add(action);
  return () => {
    actions.delete(action);
    if (actions.size === 0) for (const signal of signals) process.off(signal, end);
  };
}
