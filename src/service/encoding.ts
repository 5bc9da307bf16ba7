/** How a request wants its pictures encoded, and what came of it. */
import type { Request, Response } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';
import { MatvitError } from '../errors.js';
import { parseOperatingPoint } from '../model/operating-point.js';
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
  'request' | 'response' | 'searcher' | 'arrivedAt' | 'signal' | 'take' | 'whenAnswered'
>;

/**
 * The budget runs from the last byte of the upload. The server's own is for requests that leave the point to it.
 * @throws OPERATING_POINT_INVALID, SUBMODEL_INVALID, RESOLUTION_INVALID */
export function encodingOf(
  service: Service,
  asked: Asked,
  fields: EncodingFields,
): EncodeOptions & { budgetMs: number | undefined } {
  const { request, response, searcher, arrivedAt, signal } = asked;
  const { at, minFidelity, onMiss } = fields;
  const { [budgetHeader]: fromHeader } = validate(
    budgetHeaders,
    { [budgetHeader]: request.get(budgetHeader) },
    'header',
  );
  return {
    at: at === undefined ? undefined : parseOperatingPoint(searcher.encoder.architecture, at),
    budgetMs: fields.budgetMs ?? fromHeader ?? (at === undefined ? service.config.budget : undefined),
    ...{ minFidelity, onMiss, arrivedAt, client: clientOf(request, response), signal },
  };
}

/** Clients share the encoder: whoever has a key is known by it, others by their address, as for the rate limit. */
function clientOf({ ip = '' }: Request, { locals }: Response): string {
  const key = locals['key'] as string | undefined;
  return key === undefined ? `ip ${ipKeyGenerator(ip)}` : `key ${key}`;
}

/** Runs a search or an embedding, and tells metrics how it went. */
export async function measured<T extends { readonly cost?: Cost }>(
  { metrics }: Service,
  { arrivedAt, signal, whenAnswered }: Asked,
  budgetMs: number | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const elapsed = () => performance.now() - arrivedAt;
  try {
    const answer = await work();
    if (signal.aborted) metrics.refused('REQUEST_ABORTED', budgetMs, elapsed());
    else whenAnswered(() => metrics.answered(answer.cost, budgetMs, elapsed()));
    return answer;
  } catch (error) {
    metrics.refused(error instanceof MatvitError ? error.code : 'INTERNAL', budgetMs, elapsed());
    throw error;
  }
}

/** An answer is ready: tells the planner how long it takes from here until it is out. */
export function replying({ searcher, whenAnswered }: Asked): void {
  const ready = performance.now();
  whenAnswered(() => searcher.replied(performance.now() - ready));
}
