/** How a request wants its pictures encoded, and what came of it. */
import { MatvitError } from '../errors.js';
import { parseOperatingPoint } from '../model/operating-point.js';
import type { FollowUp } from '../planner/latency.js';
import type { OnMiss } from '../planner/policy.js';
import type { Cost } from '../search/cost.js';
import type { EncodeOptions } from '../search/searcher.js';
import type { Context } from './route.js';
import { budgetHeader, budgetHeaders } from './schemas.js';
import type { Service } from './service.js';
import { validate } from './validate.js';

export interface EncodingFields {
  readonly at?: string | undefined;
  readonly budgetMs?: number | undefined;
  readonly minFidelity?: number | undefined;
  readonly onMiss?: OnMiss | undefined;
}

/** What encoding needs of a route's context. */
export type Asked = Pick<
  Context<unknown, unknown, unknown>,
  'request' | 'client' | 'searcher' | 'arrivedAt' | 'signal' | 'take' | 'answered'
>;

/** The server's own is for requests that leave the point to it. @param fromHeader as it came, or read */
export const budgetOf = <T>(
  { config }: Service,
  { at, budgetMs }: { readonly at?: unknown; readonly budgetMs?: T | undefined },
  fromHeader: T | undefined,
): T | number | undefined => budgetMs ?? fromHeader ?? (at === undefined ? config.budget : undefined);

/**
 * The budget runs from the last byte of the upload.
 * @throws OPERATING_POINT_INVALID, SUBMODEL_INVALID, RESOLUTION_INVALID */
export function encodingOf(
  service: Service,
  asked: Asked,
  fields: EncodingFields,
): EncodeOptions & { budgetMs: number | undefined } {
  const { request, client, searcher, arrivedAt, signal } = asked;
  const { at, minFidelity, onMiss } = fields;
  const { [budgetHeader]: fromHeader } = validate(
    budgetHeaders,
    { [budgetHeader]: request.get(budgetHeader) },
    'header',
  );
  return {
    at: at === undefined ? undefined : parseOperatingPoint(searcher.encoder.architecture, at),
    budgetMs: budgetOf(service, fields, fromHeader),
    ...{ minFidelity, onMiss, arrivedAt, client, signal },
  };
}

/**
 * Runs a search or an embedding, and tells metrics how it went: as part of a batch it may succeed, and nobody be there for
 * the answer.
 */
export async function measured<T extends { readonly cost?: Cost }>(
  { metrics }: Service,
  { arrivedAt, answered }: Asked,
  budgetMs: number | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const elapsed = () => performance.now() - arrivedAt;
  const refused = (error: unknown) => metrics.refused(codeOf(error), budgetMs, elapsed());
  try {
    const answer = await work();
    void answered.then(() => metrics.answered(answer.cost, budgetMs, elapsed()), refused);
    return answer;
  } catch (error) {
    refused(error);
    throw error;
  }
}

/** Tells metrics of a search that was refused before it was one: a budget may have been missed all the same. */
export function refusedUnread(service: Service, request: Asked['request'], error: unknown): void {
  const budgetMs = Number(budgetOf<unknown>(service, request.query, request.get(budgetHeader)));
  service.metrics.refused(codeOf(error), budgetMs > 0 ? budgetMs : undefined, 0);
}

const codeOf = (error: unknown) => (error instanceof MatvitError ? error.code : 'INTERNAL');

/** An answer is ready: tells the planner how long it takes from here until it is out. */
export function replying({ searcher, answered }: Asked, followUp: FollowUp): void {
  const ready = performance.now();
  void answered.then(
    () => searcher.replied(performance.now() - ready, followUp),
    () => undefined,
  );
}
