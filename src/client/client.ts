/**
 * A client of the HTTP API for Node and browsers: `fetch` and nothing else. One method an operation, by its name in the
 * OpenAPI document.
 */
import type * as Types from './types.js';

export type * from './types.js';

/** An answer that is an error, or none at all (code UNREACHABLE). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: string;
  readonly detail: string;
  /** of HTTP; 0 if there was no answer */
  readonly status: number;
  readonly request: string | undefined;
  /** seconds after which to ask again, if the server names them */
  readonly retryAfter: number | undefined;

  constructor(
    { title, detail = '', code, status = 0, request, retryAfter }: Types.ProblemDetails & { retryAfter?: number },
    options?: ErrorOptions,
  ) {
    super(title, options);
    this.code = code;
    this.detail = detail;
    this.status = status;
    this.request = request;
    this.retryAfter = retryAfter;
  }
}

export interface ClientOptions {
  /** of the server, such as http://127.0.0.1:7700; in a browser the page's own by default */
  readonly url?: string;
  /** an API key, where the server asks for one */
  readonly key?: string | undefined;
}

/** Of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

interface Sent extends CallOptions {
  readonly fields?: object | undefined;
  readonly json?: unknown;
  readonly body?: RequestInit['body'];
}

/** Every method @throws Problem with the server's code, and AbortError if its signal says so */
export class Client {
  private readonly url: string;
  private readonly key: string | undefined;

  constructor({ url = '', key }: ClientOptions = {}) {
    this.url = url.replace(/\/$/, '');
    this.key = key;
  }

  /** @param query a picture, or everything as JSON @param fields beside a picture */
  search(
    query: Types.Picture | Types.Query,
    fields?: Types.SearchFields,
    options?: CallOptions,
  ): Promise<Types.SearchAnswer> {
    return this.json('POST', '/v1/search', { ...contentOf(query, fields), ...options });
  }

  searchBatch(
    queries: readonly Types.Query[],
    options?: CallOptions,
  ): Promise<{ answers: (Types.SearchAnswer | Types.ProblemDetails)[] }> {
    return this.json('POST', '/v1/search/batch', { json: { queries }, ...options });
  }

  searchVector(query: Types.VectorQuery, options?: CallOptions): Promise<Types.SearchAnswer> {
    return this.json('POST', '/v1/search/vector', { json: query, ...options });
  }

  embed(
    picture: Types.Picture | Types.EmbedQuery,
    fields?: Types.EncodeFields,
    options?: CallOptions,
  ): Promise<Types.Embedding> {
    return this.json('POST', '/v1/embed', { ...contentOf(picture, fields), ...options });
  }

  frontier(options?: CallOptions): Promise<Types.Frontier> {
    return this.json('GET', '/v1/frontier', options);
  }

  listImages(
    fields?: Types.ListFields,
    options?: CallOptions,
  ): Promise<{ images: Types.Image[]; total: number; next?: string }> {
    return this.json('GET', '/v1/images', { fields, ...options });
  }

  image(id: number, options?: CallOptions): Promise<Types.Image> {
    return this.json('GET', `/v1/images/${id}`, options);
  }

  async thumbnail(id: number, options?: CallOptions): Promise<Blob> {
    return read(await this.send('GET', `/v1/images/${id}/thumbnail`, options), options, response => response.blob());
  }

  /** @param pictures one, several, or everything as JSON @param fields beside pictures; metadata for all or for each */
  addImages(
    pictures: Types.Picture | readonly Types.Picture[] | Types.NewPictures,
    fields?: Types.NewFields,
    options?: CallOptions,
  ): Promise<{ images: (Types.AddedImage | Types.ProblemDetails)[] }> {
    const content = isSeveral(pictures) ? { body: formOf(pictures, fields) } : contentOf(pictures, fields);
    return this.json('POST', '/v1/images', { ...content, ...options });
  }

  replaceImage(
    id: number,
    picture: Types.Picture | { readonly image: string } | { readonly url: string },
    options?: CallOptions,
  ): Promise<Types.Image> {
    return this.json('PUT', `/v1/images/${id}`, { ...contentOf(picture), ...options });
  }

  /** @param metadata merged into what there is (RFC 7396): null removes a field */
  editImage(id: number, metadata: Types.Metadata, options?: CallOptions): Promise<Types.Image> {
    return this.json('PATCH', `/v1/images/${id}`, { json: { metadata }, ...options });
  }

  async deleteImage(id: number, options?: CallOptions): Promise<void> {
    await this.send('DELETE', `/v1/images/${id}`, options);
  }

  indexStatus(options?: CallOptions): Promise<Types.IndexStatus> {
    return this.json('GET', '/v1/index', options);
  }

  reindex(options?: CallOptions): Promise<Types.Job> {
    return this.json('POST', '/v1/index/reindex', options);
  }

  job(id: string, options?: CallOptions): Promise<Types.Job> {
    return this.json('GET', `/v1/jobs/${encodeURIComponent(id)}`, options);
  }

  cancelJob(id: string, options?: CallOptions): Promise<Types.Job> {
    return this.json('DELETE', `/v1/jobs/${encodeURIComponent(id)}`, options);
  }

  /** How a job stands, a few times a second until its end, which is the last. */
  async *followJob(id: string, options?: CallOptions): AsyncGenerator<Types.Job, void> {
    const { body } = await this.send('GET', `/v1/jobs/${encodeURIComponent(id)}/events`, options);
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    try {
      let text = '';
      for (;;) {
        const { done, value } = await reader.read().catch((cause: unknown) => {
          throw lost(cause, options?.signal);
        });
        if (done) return;
        const events = (text + value).split('\n\n');
        text = events.pop()!;
        for (const event of events) {
          const data = /^data: (.*)$/m.exec(event)?.[1];
          if (data !== undefined) yield JSON.parse(data) as Types.Job; // else it is a sign of life
        }
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }

  /** A backup of the index, as it is sent. */
  async snapshot(options?: CallOptions): Promise<ReadableStream<Uint8Array>> {
    return (await this.send('POST', '/v1/index/snapshot', options)).body!;
  }

  healthz(options?: CallOptions): Promise<Types.Health> {
    return this.json('GET', '/healthz', options);
  }

  readyz(options?: CallOptions): Promise<Types.Health> {
    return this.json('GET', '/readyz', options);
  }

  /** In Prometheus' format. */
  async metrics(options?: CallOptions): Promise<string> {
    return read(await this.send('GET', '/metrics', options), options, response => response.text());
  }

  private async json<T>(method: string, path: string, sent?: Sent): Promise<T> {
    return read(await this.send(method, path, sent), sent, response => response.json() as Promise<T>);
  }

  private async send(method: string, path: string, { fields, json, body, signal }: Sent = {}): Promise<Response> {
    const query = textOf(fields ?? {}).toString();
    const response = await fetch(`${this.url}${path}${query && `?${query}`}`, {
      method,
      headers: {
        ...(this.key !== undefined && { Authorization: `Bearer ${this.key}` }),
        ...(json !== undefined && { 'Content-Type': 'application/json' }),
      },
      body: json === undefined ? (body ?? null) : JSON.stringify(json),
      signal: signal ?? null,
    }).catch((cause: unknown) => {
      throw lost(cause, signal);
    });
    if (response.ok) return response;
    const { status } = response;
    const problem = (await response.json().catch((cause: unknown) => {
      if (signal?.aborted) throw cause;
      return null;
    })) as Partial<Types.ProblemDetails> | null;
    const seconds = Number(response.headers.get('Retry-After') ?? NaN);
    const retryAfter = Number.isFinite(seconds) ? { retryAfter: seconds } : {};
    const known = typeof problem?.code === 'string' ? problem : {}; // a proxy's JSON is none, nor is /readyz's
    throw new Problem({
      title: `The server answered ${status}`,
      code: `HTTP_${status}`,
      ...known,
      ...retryAfter,
      status,
    });
  }
}

/** The content of an answer, by `content`. */
function read<T>(
  response: Response,
  { signal }: CallOptions = {},
  content: (response: Response) => Promise<T>,
): Promise<T> {
  return content(response).catch((cause: unknown) => {
    if (!(cause instanceof SyntaxError)) throw lost(cause, signal);
    const detail = 'it is no JSON; is it the address of matvit serve?';
    const { status } = response;
    throw new Problem({ title: 'The answer cannot be read', detail, code: `HTTP_${status}`, status }, { cause });
  });
}

/** What a call ends with whose connection has failed. */
function lost(cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return cause;
  const detail = 'check that matvit serve is running and try again';
  return new Problem({ title: 'The server cannot be reached', detail, code: 'UNREACHABLE' }, { cause });
}

const isPicture = (value: unknown): value is Types.Picture => value instanceof Blob || value instanceof Uint8Array;
const isSeveral = (value: unknown): value is readonly Types.Picture[] => Array.isArray(value);

const contentOf = (content: object, fields?: object): Sent =>
  isPicture(content) ? { body: content, fields } : { json: content };

/** Fields of a query or a form: whatever is no plain value is JSON, but lists of names and crops have forms of their own. */
function textOf(fields: object): URLSearchParams {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(fields) as [string, string | number | boolean | object | undefined][]) {
    if (value === undefined) continue;
    if (name === 'facets') {
      const names = value as readonly string[];
      if (names.length > 0) text.set(name, names.join(','));
    } else if (name === 'crop') {
      const { x, y, width, height } = value as Types.Crop;
      text.set(name, [x, y, width, height].map(share => share.toFixed(5)).join(','));
    } else text.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return text;
}

function formOf(pictures: readonly Types.Picture[], fields: object = {}): FormData {
  const form = new FormData();
  for (const picture of pictures) form.append('image', picture instanceof Blob ? picture : new Blob([picture]));
  for (const [name, value] of textOf(fields)) form.set(name, value);
  return form;
}
