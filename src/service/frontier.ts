import { z } from 'zod';
import { relativeMacs } from '../model/cost.js';
import { parseOperatingPoint } from '../model/operating-point.js';
import { type Route, route } from './route.js';
import type { Service } from './service.js';

export const frontier = z
  .looseObject({
    points: z.array(z.looseObject({ at: z.string(), relativeMacs: z.number() })),
    waiting: z.number().int(),
    serving: z.number().int(),
    slots: z.number().int(),
    defaultBudgetMs: z.number().optional(),
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
          predictedMs: latency.predict(i, busy, undefined, 1, planner.isAlone(busy)),
        })),
        answerMs: latency.answer(),
        ...load,
        slots: concurrency,
        slowdown: latency.slowdown,
        headroom: headroom.factor,
        ...(config.budget !== undefined && { defaultBudgetMs: config.budget }),
        calibration: { cpu, queries, pictures },
      };
    },
  });
