/** What has to be done before a signal ends this process: children that would live on, files that would stay. */

const signals = ['SIGINT', 'SIGTERM'] as const;
const actions = new Set<() => void>();

function end(signal: NodeJS.Signals): void {
  for (const action of actions) action();
  actions.clear();
  for (const each of signals) process.off(each, end);
  // whoever else listens ends it in order
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

/** @param action synchronous @returns what takes it back */
export function beforeEnd(action: () => void): () => void {
  if (actions.size === 0) for (const signal of signals) process.on(signal, end);
  actions.add(action);
  return () => {
    actions.delete(action);
    if (actions.size === 0) for (const signal of signals) process.off(signal, end);
  };
}
