import { setImmediate } from 'node:timers/promises';

/** The same, but others have the thread after each: for what holds it for milliseconds at a time. */
export async function* unhurried<T>(windows: Iterable<T>): AsyncGenerator<T> {
  for (const window of windows) {
    yield window;
    await setImmediate();
  }
}
