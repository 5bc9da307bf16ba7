/** What an answer cost, what had been expected, and why its operating point was chosen: part of every answer. */
import type { Decision, Why } from '../planner/decision.js';

/** Times in milliseconds. */
export interface Cost {
  /** the operating point that encoded the query */
  readonly at: string;
  /** why this one */
  readonly why: Why;
  /** expected rank-biased overlap with the full model's answer, 0 … 1; absent for a point that is not calibrated */
  readonly fidelity?: number;
  /** multiply-accumulates as a share of the full model's */
  readonly relativeMacs: number;
  /** that encoded it: more than one only if it was alone and few had been beside others of late, where that is faster */
  readonly cores: number;
  readonly ms: {
    readonly decode: number;
    /** for a turn and for a free encoder */
    readonly wait: number;
    readonly encode: number;
    readonly search: number;
    /** from the picture's last byte to the answer */
    readonly total: number;
  };
  /** made when the point was chosen */
  readonly predictedMs: {
    /** median */
    readonly decode: number;
    /** median */
    readonly encode: number;
    /** 95th percentile of both together */
    readonly service: number;
    /** 95th percentile of search and reply */
    readonly answer: number;
  };
  /** other requests that waited and could still be in time */
  readonly waiting: number;
  /** other requests a second that the choice reckoned with */
  readonly rate: number;
  /** absent without one */
  readonly budget?: {
    readonly ms: number;
    /** what was left of it for decoding and encoding when the point was chosen, may be negative */
    readonly slackMs: number;
    /** what of the slack the point could use: less when others wait, or when predictions have been missed of late */
    readonly allowedMs: number;
    /** was the answer ready in time? */
    readonly met: boolean;
  };
}

export function costOfAnswer(decision: Decision, actual: Pick<Cost, 'relativeMacs' | 'cores' | 'ms'>): Cost {
  const { at, why, fidelity, waiting, rate, budget, predicted } = decision;
  return {
    at,
    why,
    ...(fidelity !== undefined && { fidelity }),
    ...actual,
    predictedMs: {
      decode: predicted.decodeMs,
      encode: predicted.encodeMs,
      service: predicted.serviceMs,
      answer: predicted.answerMs,
    },
    waiting,
    rate,
    ...(budget && { budget: { ...budget, met: actual.ms.total <= budget.ms } }),
  };
}

/** The cost of an embedding with the search that followed. */
export function withSearch(cost: Cost, search: number): Cost {
  return withTotal({ ...cost, ms: { ...cost.ms, search } }, cost.ms.total + search);
}

/** The same of an answer that waited for others, which it goes out with. @param total milliseconds */
export function withTotal(cost: Cost, total: number): Cost {
  const { ms, budget } = cost;
  return { ...cost, ms: { ...ms, total }, ...(budget && { budget: { ...budget, met: total <= budget.ms } }) };
}
