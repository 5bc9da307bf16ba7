import { getPriority, setPriority } from 'node:os';

/**
 * Gives this thread, and those that it starts, a smaller part of a busy core: 1.25 times as small for each step. Decoding and
 * encoding take milliseconds; the event loop wakes up for fractions of one, several times a request, and should not wait for
 * the end of a time slice. Only on Linux is niceness a thread's own.
 */
export function lowerPriority(steps: number): void {
  if (process.platform === 'linux') setPriority(Math.min(19, getPriority() + steps));
}
