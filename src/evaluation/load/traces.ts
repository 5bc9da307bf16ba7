/** When requests arrive, for load that does not wait for answers. */
import { random } from '../../training/random.js';

/** Times of arrival, milliseconds, of `count` requests at `rate` a second: a Poisson process. */
export function poisson(rate: number, count: number, seed: number): number[] {
  const draw = random(seed, 1);
  let time = 0;
  return Array.from({ length: count }, () => (time -= (Math.log(1 - draw.next()) * 1000) / rate));
}

/**
 * The same at a mean of `rate`, but in bursts of five times the mean: half a second on average, a tenth of the time
 * (Markov-modulated Poisson process of two states).
 */
export function bursty(rate: number, count: number, seed: number): number[] {
  const draw = random(seed, 2);
  const exponential = (mean: number) => -Math.log(1 - draw.next()) * mean;
  const states = [
    { gap: 1000 / ((rate * 0.5) / 0.9), stay: 4500 },
    { gap: 1000 / (rate * 5), stay: 500 },
  ] as const;
  const arrivals: number[] = [];
  for (let time = 0, state = 0; arrivals.length < count; state = 1 - state) {
    const { gap, stay } = states[state]!;
    const end = time + exponential(stay);
    while ((time += exponential(gap)) < end && arrivals.length < count) arrivals.push(time);
    time = end; // the process has no memory
  }
  return arrivals;
}
