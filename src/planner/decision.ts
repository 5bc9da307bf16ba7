/** Which operating point a request was given, and why. */

/**
 * `fits`: the most faithful point that fits; `degraded`: none with the fidelity asked for does, and time went first;
 * `best`: none does, and fidelity went first; `fixed`: the request named it; `no budget`: there was nothing to fit in;
 * `probe`: predictions refuse it, and nothing had been served of late to tell whether they still hold.
 */
export const whyValues = ['fits', 'degraded', 'best', 'fixed', 'no budget', 'probe'] as const;
export type Why = (typeof whyValues)[number];

/** All times in milliseconds. */
export interface Decision {
  /** the operating point */
  readonly at: string;
  readonly why: Why;
  /** may it have all cores? */
  readonly alone: boolean;
  /** expected rank-biased overlap with the full model's answer, 0 … 1; absent for a point that is not on the frontier */
  readonly fidelity?: number;
  /** absent without one */
  readonly budget?: {
    /** from arrival to the answer's first byte */
    readonly ms: number;
    /** what was left of it for decoding and encoding when the point was chosen, may be negative */
    readonly slackMs: number;
    /** what of the slack the point could use: less when others wait, or when predictions have been missed of late */
    readonly allowedMs: number;
  };
  /** other requests that waited and could still meet their deadlines */
  readonly waiting: number;
  /** other requests a second that were reckoned with */
  readonly rate: number;
  /** from when it asked for a slot, its picture being there, to the start of decoding */
  readonly waitMs: number;
  readonly predicted: {
    /** median */
    readonly decodeMs: number;
    /** median */
    readonly encodeMs: number;
    /** 95th percentile of both together */
    readonly serviceMs: number;
    /** 95th percentile of search and reply, which the slack leaves room for */
    readonly answerMs: number;
  };
}
