import type { RequestHandler } from 'express';
import { relativeMacs } from '../model/cost.js';
import { parseOperatingPoint } from '../model/operating-point.js';
import type { Service } from './service.js';

/**
 * GET /v1/frontier: the operating points that a budget chooses from, cheapest first, with the fidelity that calibration
 * measured and the latency that is predicted for a request that came now.
 */
export const frontier =
  ({ searcher, budgetMs }: Service): RequestHandler =>
  (_request, response) => {
    const { planner, calibration, encoder, load } = searcher;
    const { latency, points, headroom } = planner;
    const { cpu, queries, pictures } = calibration;
    const { architecture, concurrency } = encoder;
    const busy = Math.min(load.serving + 1, concurrency);
    response.json({
      points: points.map(({ at, fidelity }, i) => ({
        at,
        relativeMacs: relativeMacs(architecture, parseOperatingPoint(architecture, at)),
        fidelity,
        predictedMs: latency.predict(i, busy),
      })),
      answerMs: latency.answer(),
      ...load,
      slots: concurrency,
      slowdown: latency.slowdown,
      headroom: headroom.factor,
      ...(budgetMs !== undefined && { defaultBudgetMs: budgetMs }),
      calibration: { cpu, queries, pictures },
    });
  };
