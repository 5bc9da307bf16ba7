/** Seeded random numbers: the same seed gives the same run. */

export interface Random {
  /** uniform in [0, 1) */
  next(): number;
  /** uniform in [from, to) */
  between(from: number, to: number): number;
  /** uniform integer in [0, n) */
  below(n: number): number;
  /** standard normal */
  normal(): number;
}

/** Mulberry32 over a hash of the seeds, so that (seed, step) and (seed, step + 1) are unrelated. */
export function random(...seeds: number[]): Random {
  let state = 0x9e3779b9;
  for (const seed of seeds) state = mix(state ^ mix(seed | 0) ^ mix(Math.floor(seed / 2 ** 32)));
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    between: (from, to) => from + (to - from) * next(),
    below: n => Math.floor(next() * n),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}

/** MurmurHash3's finaliser. */
function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
