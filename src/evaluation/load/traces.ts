/** When requests arrive, for load that does not wait for answers. */
import { random } from '../../training/random.js';

/**
 * Times of arrival, milliseconds, of `count` requests at a mean of `rate` a second: a Poisson process, given that as many
 * come in just that time.
 */
export function poisson(rate: number, count: number, seed: number): number[] {
  const draw = random(seed, 1);
  const gaps = Array.from({ length: count + 1 }, () => -Math.log(1 - draw.next())); // the last one to the end
  const scale = (1000 * count) / rate / sum(gaps);
  let time = 0;
  return gaps.slice(0, count).map(gap => (time += gap * scale));
}

/** Milliseconds that calm and burst last on average, and their rates as multiples of the mean: nine tenths and a tenth. */
const states = [
  { stay: 4500, times: 0.5 / 0.9 },
  { stay: 500, times: 5 },
] as const;

/**
 * About `count` requests at a mean of `rate` a second, half of them in bursts of five times the mean: half a second long on
 * average, a tenth of the time (Markov-modulated Poisson process of two states). However short the trace, the bursts have
 * their tenth of it: stays are stretched to that, since in a minute chance alone would make the mean half as much or twice.
 */
export function bursty(rate: number, count: number, seed: number): number[] {
  const draw = random(seed, 2);
  const exponential = (mean: number) => -Math.log(1 - draw.next()) * mean;
  const duration = (1000 * count) / rate;
  const cycle = states[0].stay + states[1].stay;
  const cycles = Math.max(1, Math.round(duration / cycle));
  const stays = states.map(({ stay }) => Array.from({ length: cycles }, () => exponential(stay)));
  const stretch = stays.map((all, state) => (duration * states[state]!.stay) / cycle / sum(all));
  const arrivals: number[] = [];
  let time = 0;
  for (let i = 0; i < 2 * cycles; i++) {
    const state = i % 2;
    const end = time + stays[state]![i >> 1]! * stretch[state]!;
    while ((time += exponential(1000 / (rate * states[state]!.times))) < end) arrivals.push(time);
    time = end; // the process has no memory
  }
  return arrivals;
}

export interface Slice {
  /** from the slice's start, its lead-in first */
  readonly arrivals: readonly number[];
  /** how many of them are the lead-in */
  readonly leadIn: number;
}

/**
 * Cuts arrivals into slices of equal length. Each begins with the last `leadIn` milliseconds of the slice before, the
 * first with those of the last, so that what is counted finds a server in the midst of its load.
 * @param duration of all arrivals, milliseconds
 */
export function slicesOf(arrivals: readonly number[], duration: number, count: number, leadIn: number): Slice[] {
  const length = duration / count;
  return Array.from({ length: count }, (_, n) => {
    const from = n * length;
    const before = arrivals
      .map(time => (time < from ? time : time - duration))
      .filter(time => time >= from - leadIn && time < from)
      .sort((a, b) => a - b);
    const own = arrivals.filter(time => time >= from && (time < from + length || n === count - 1));
    return { arrivals: [...before, ...own].map(time => time - from + leadIn), leadIn: before.length };
  });
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, x) => total + x, 0);
