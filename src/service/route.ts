/**
 * One record a route: what it takes, what it answers, who may ask. Express's handlers and the OpenAPI document are both
 * made from it, so that they cannot differ.
 */
import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { ErrorCode } from '../errors.js';
import type { Searcher } from '../search/searcher.js';
import type { Access } from './keys.js';
import type { Upload } from './upload.js';

export type Body<B extends z.ZodType = z.ZodType, Q extends z.ZodType = z.ZodType> =
  | { readonly kind: 'json'; readonly schema: B }
  /** JSON, or pictures as the whole body or as files of a form, with the options beside them as fields */
  | { readonly kind: 'pictures'; readonly schema: B; readonly fields: Q; readonly files: readonly string[] };

export interface Answer {
  readonly status: number;
  readonly description: string;
  /** of JSON */
  readonly schema?: z.ZodType;
  /** other than JSON */
  readonly types?: readonly string[];
}

export interface Context<P, Q, B> {
  readonly request: Request;
  readonly response: Response;
  /** who asks, as `clientOf` tells them apart */
  readonly client: string;
  /** of this request, until its answer has been sent */
  readonly searcher: Searcher;
  readonly params: P;
  /** from the query string; from the form too where there is one; nothing where the body is JSON with pictures */
  readonly query: Q;
  /** of JSON; undefined where pictures came instead */
  readonly body: B;
  /** pictures as they came */
  readonly upload: Upload | undefined;
  /** by performance.now(): when the request had come in whole */
  readonly arrivedAt: number;
  /** aborted when the client has gone */
  readonly signal: AbortSignal;
  /** Counts bytes that it holds until its answer has been sent as its upload's. @throws QUEUE_FULL, REQUEST_ABORTED */
  readonly take: (bytes: number) => void;
  /**
   * Resolves when the JSON that the handler returns has been handed to the connection. Rejects with REQUEST_ABORTED as
   * soon as the client has gone before that, and with what the handler throws.
   */
  readonly answered: Promise<void>;
}

export interface Route<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** with parameters in braces: /v1/images/{id} */
  readonly path: string;
  readonly access: Access | 'public';
  /** Does it change the index? Refused unless the server is writable. */
  readonly changes?: true;
  /** the name of the client's method */
  readonly operation: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: P;
  readonly query?: Q;
  /** for the document; the handler reads them from the request */
  readonly headers?: z.ZodType;
  readonly body?: Body<B, Q>;
  readonly answer: Answer;
  /** what else the handler sends, though it is no problem */
  readonly otherwise?: Answer;
  /** beside those that every route can give */
  readonly errors?: readonly ErrorCode[];
  /** @returns what is sent as JSON; undefined if the answer has been sent already */
  // a method, so that routes of different schemas fit into one list
  handle(context: Context<z.output<P>, z.output<Q>, z.output<B>>): unknown;
}

/** Lets the schemas type the handler. */
export const route = <P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  definition: Route<P, Q, B>,
): Route => definition;
