import { z } from 'zod';
import { relativeMacs } from '../model/cost.js';
import { parseOperatingPoint } from '../model/operating-point.js';
import { type Route, route } from './route.js';
import type { Service } from './service.js';

const count = z.number().int();
const share = z.number().min(0).max(1);
const quantiles = z
  .strictObject({ p50: z.number(), p95: z.number() })
  .meta({ id: 'Quantiles', description: 'median and 95th percentile, milliseconds' });

const point = z
  .strictObject({
    at: z.string().describe('the operating point'),
    relativeMacs: z.number().describe("multiply-accumulates as a share of the full model's"),
    fidelity: z
      .strictObject({
        rbo: share.describe('rank-biased overlap: what `minFidelity` and the `fidelity` of an answer are'),
        top1Agreement: share.describe('how often the first hits are the same'),
        recallAt10: share.describe("share of the full model's first ten hits that are found"),
      })
      .describe("agreement with the full model's answers, as calibration measured it"),
    predictedMs: z
      .strictObject({
        decode: quantiles,
        encode: quantiles,
        service: quantiles.describe('decoding and encoding together'),
      })
      .describe('what a request that came now would take'),
  })
  .meta({ id: 'FrontierPoint' });

export const frontier = z
  .strictObject({
    points: z.array(point).describe('cheapest first; the last one is the full model'),
    answerMs: quantiles.describe('search and reply, which come on top of every point'),
    waiting: count.describe('requests that wait'),
    serving: count.describe('requests that are decoded or encoded'),
    slots: count.describe('requests that can be served at once'),
    slowdown: z.number().describe('how many times slower than at calibration the encoder is now'),
    headroom: z.number().describe('a point fits if this many times its p95 does: 1 … 2, learned from missed budgets'),
    defaultBudgetMs: z
      .number()
      .optional()
      .describe('budget of searches with neither a budget nor `at`; absent without one'),
    calibration: z
      .strictObject({
        cpu: z.string().describe('where it was measured; `none` if nobody has'),
        queries: count.describe('pictures searched with'),
        pictures: count.describe('pictures searched'),
      })
      .describe('what the points come from'),
  })
  .meta({ id: 'Frontier' });

/**
 * The operating points that a budget chooses from, cheapest first, with the fidelity that calibration measured and the
 * latency that is predicted for a request that came now.
 */
export const frontierRoute = ({ config }: Service): Route =>
  route({
    ...{ method: 'get', path: '/v1/frontier', access: 'read', operation: 'frontier', tag: 'Search' },
    summary: 'The operating points that a latency budget chooses from, with what they would take now',
    answer: {
      status: 200,
      description: 'the frontier, cheapest first',
      schema: frontier,
    },
    handle({ searcher: { planner, calibration, encoder, load } }) {
      const { latency, points, headroom } = planner;
      const { cpu, queries, pictures } = calibration;
      const { architecture, concurrency } = encoder;
      const busy = Math.min(load.serving + 1, concurrency);
      return {
        points: points.map(({ at, fidelity }, i) => ({
          at,
          relativeMacs: relativeMacs(architecture, parseOperatingPoint(architecture, at)),
          fidelity,
          predictedMs: latency.predict(i, busy, { alone: planner.isAlone(busy) }),
        })),
        answerMs: latency.answer(),
        ...load,
        slots: concurrency,
        slowdown: latency.slowdown,
        headroom: headroom.own,
        ...(config.budget !== undefined && { defaultBudgetMs: config.budget }),
        calibration: { cpu, queries, pictures },
      };
    },
  });
