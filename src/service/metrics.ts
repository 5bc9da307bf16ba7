/** What the service counts, for Prometheus. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { type ErrorCode, errorTable } from '../errors.js';
import type { Cost } from '../search/cost.js';
import type { Searcher } from '../search/searcher.js';
import { type Route, route } from './route.js';
import type { Service } from './service.js';

/** seconds: from a cheap stage to a queue that is far too long */
const buckets = [0.001, 0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.024, 0.032, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 5];

export class Metrics {
  readonly registry = new Registry();
  private readonly registers = [this.registry];
  private readonly searches = new Counter({
    name: 'matvit_searches_total',
    help: "Searches and embeddings answered, by operating point ('other' off the frontier, 'none' if nothing was encoded) and by why it was chosen",
    labelNames: ['at', 'why'],
    registers: this.registers,
  });
  private readonly refusals = new Counter({
    name: 'matvit_searches_refused_total',
    help: 'Searches not answered, by error code',
    labelNames: ['code'],
    registers: this.registers,
  });
  private readonly stages = new Histogram({
    name: 'matvit_search_stage_seconds',
    help: 'Duration of the stages of a search; total is from the last byte of the request to the end of the answer',
    labelNames: ['stage'],
    buckets,
    registers: this.registers,
  });
  private readonly budgets = new Counter({
    name: 'matvit_budgets_total',
    help: "Searches with a latency budget, by whether it was met; server's errors and clients gone after it are misses",
    labelNames: ['met'],
    registers: this.registers,
  });

  private readonly changes = new Counter({
    name: 'matvit_changes_total',
    help: 'Pictures added, replaced, edited and deleted through the service',
    labelNames: ['kind'],
    registers: this.registers,
  });

  /** @param searcherNow the one in use, which may be replaced */
  constructor(private readonly searcherNow: () => Searcher) {
    const { registers } = this;
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'matvit_prediction_error_ratio',
      help: 'Median of |predicted - actual| / actual over the latest searches, by stage',
      labelNames: ['stage'],
      registers,
      collect() {
        this.reset(); // a searcher that has just been swapped in knows nothing of what the last one predicted
        for (const stage of ['decode', 'encode', 'search'] as const) {
          const { median } = searcherNow().planner.latency.errors[stage];
          if (Number.isFinite(median)) this.set({ stage }, median);
        }
      },
    });
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({ name, help, registers, collect() { this.set(value()); } }); // prettier-ignore
    gauge('matvit_queue_depth', 'Searches that wait for the encoder', () => searcherNow().load.waiting);
    gauge('matvit_searches_in_service', 'Searches being decoded or encoded', () => searcherNow().load.serving);
    gauge(
      'matvit_slowdown_ratio',
      'Encoding time now against its calibration',
      () => searcherNow().planner.latency.slowdown,
    );
    gauge('matvit_headroom_ratio', 'Room left above the predicted p95', () => searcherNow().planner.headroom.factor);
  }

  /**
   * @param cost undefined if nothing was encoded
   * @param budgetMs that the search had, if any
   * @param totalMs from the last byte of the request to the end of the answer
   */
  answered(cost: Cost | undefined, budgetMs: number | undefined, totalMs: number): void {
    if (cost) this.encoded(cost);
    else this.searches.inc({ at: 'none', why: 'none' });
    this.stages.observe({ stage: 'total' }, totalMs / 1000);
    if (budgetMs !== undefined) this.budgets.inc({ met: String(totalMs <= budgetMs) });
  }

  private encoded({ at, why, ms }: Cost): void {
    // clients can name millions of points
    const isOurs = this.searcherNow().planner.points.some(point => point.at === at);
    this.searches.inc({ at: isOurs ? at : 'other', why });
    for (const stage of ['decode', 'wait', 'encode', 'search'] as const)
      if (stage !== 'search' || ms.search > 0) this.stages.observe({ stage }, ms[stage] / 1000); // an embedding has none
  }

  changed(kind: 'add' | 'replace' | 'edit' | 'delete'): void {
    this.changes.inc({ kind });
  }

  /** @param budgetMs that the search had, if any @param elapsedMs since it began to run */
  refused(code: ErrorCode, budgetMs: number | undefined, elapsedMs: number): void {
    this.refusals.inc({ code });
    if (budgetMs === undefined) return;
    const isGone = code === 'REQUEST_ABORTED';
    if (isGone ? elapsedMs > budgetMs : errorTable[code].status >= 500) this.budgets.inc({ met: 'false' });
  }
}

/** GET /metrics */
export const metricsRoute = ({ metrics: { registry } }: Service): Route =>
  route({
    ...{ method: 'get', path: '/metrics', access: 'read', operation: 'metrics', tag: 'Operations' },
    summary: 'Counters and histograms, for Prometheus',
    answer: { status: 200, description: 'in its text format', types: ['text/plain'] },
    async handle({ response }) {
      response.type(registry.contentType).send(await registry.metrics());
    },
  });
