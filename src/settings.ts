/** What can be configured: one entry a key, from which flags, variables, file and documentation are made. */
import { isIPv6 } from 'node:net';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** The package's own folder: the shipped model, and what the demo makes. */
export const indexData = fileURLToPath(new URL('../../index-data/', import.meta.url));

/** Of the working folder, so that what is made with an installed package does not go with its next installation. */
const ownData = 'index-data/';
export const defaultIndex = `${ownData}default`;

export interface Setting<T> {
  readonly schema: z.ZodType<T>;
  readonly fallback: T;
  /** Reads a flag or a variable; what it cannot read it leaves to the schema to refuse. */
  readonly fromText: (text: string) => unknown;
  /** what a value is, for the message about one that is not */
  readonly expected: string;
  /** of the flag's argument; none for switches */
  readonly placeholder?: string;
  readonly help: string;
  /** what help calls the fallback, where it is an absolute path */
  readonly fallbackName?: string;
}

export type Settings = typeof settings;

const someText = 'a text of 1 to 4096 characters';
const asItIs = (text: string) => text;

/** 1e6 is a number too. */
const toNumber = (text: string) => (/^-?\d*\.?\d+(e\+?\d+)?$/i.test(text) ? Number(text) : text);

const text = (placeholder: string, fallback: string | undefined, help: string): Setting<string | undefined> => ({
  schema: z.string().min(1).max(4096).optional(),
  ...{ fallback, fromText: asItIs, expected: someText, placeholder, help },
});

const path = (placeholder: string, fallback: string, help: string): Setting<string> => ({
  schema: z.string().min(1).max(4096),
  ...{ fallback, fromText: asItIs, expected: someText, placeholder, help },
});

const integer = (min: number, max: number, fallback: number, help: string): Setting<number> => ({
  schema: z.number().int().min(min).max(max),
  expected: `a whole number from ${min} to ${max}`,
  ...{ fallback, fromText: toNumber, placeholder: 'n', help },
});

const choice = <T extends string>(options: readonly [T, ...T[]], fallback: T, help: string): Setting<T> => ({
  schema: z.enum(options),
  expected: `one of ${options.join(', ')}`,
  ...{ fallback, fromText: asItIs, placeholder: options.join('|'), help },
});

const toggle = (help: string): Setting<boolean> => ({
  schema: z.boolean(),
  expected: 'true or false',
  ...{ fallback: false, fromText: value => ({ true: true, false: false })[value] ?? value, help },
});

/** @param refusal why an element can never be of use; undefined if it can */
const list = (
  placeholder: string,
  help: string,
  refusal: (item: string) => string | undefined,
): Setting<readonly string[]> => ({
  schema: z
    .array(
      z
        .string()
        .min(1)
        .max(300)
        .refine(item => refusal(item) === undefined, { error: ({ input }) => refusal(input as string) }),
    )
    .max(1000),
  expected: 'a list of at most 1000 texts, of 1 to 300 characters each',
  fallback: [],
  fromText: value => value.split(',').map(item => item.trim()),
  ...{ placeholder, help },
});

/** As browsers send them: in lower case, without a path or the usual port. Other schemes are of extensions. */
function originRefusal(text: string): string | undefined {
  const isWeb = /^https?:\/\//i.test(text) && URL.canParse(text);
  if (isWeb ? new URL(text).origin === text : /^(null|(?!https?:)[a-z][\w+.-]*:\/\/[^/?#]+)$/.test(text))
    return undefined;
  return `'${text}' is not an origin; write ${isWeb ? new URL(text).origin : 'it like https://shop.example'}`;
}

/** As `fetchPicture` compares them. */
function hostRefusal(text: string): string | undefined {
  if (text === '*') return undefined;
  if (text.includes('*')) return `'${text}' is not a host; name each, or all public ones by '*'`;
  const url = /^\w+:\/\//.test(text) ? text : `http://${isIPv6(text) ? `[${text}]` : text}`;
  const host = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$|\.$/g, '') : '';
  return host === text ? undefined : `'${text}' is not a host; write ${host || 'it like pictures.example'}`;
}

export const settings = {
  index: path('dir', defaultIndex, 'folder of the index, or postgres://…'),
  model: { ...path('dir', `${indexData}model`, 'folder of the model'), fallbackName: 'the shipped one' },
  engine: choice(['auto', 'onnx', 'tfjs'], 'auto', 'what runs the encoder: auto takes tfjs if a GPU is there'),
  workers: {
    schema: z.number().int().min(1).max(1024).optional(),
    fallback: undefined,
    fromText: toNumber,
    expected: 'a whole number from 1 to 1024',
    placeholder: 'n',
    help: 'encoder threads (default: one a core)',
  } as Setting<number | undefined>,
  host: path('address', '127.0.0.1', 'address to listen on; others than loopback need keys'),
  port: integer(0, 65_535, 7700, 'port; 0 takes a free one'),
  budget: {
    schema: z.number().gt(0).max(60_000).optional(),
    fallback: undefined,
    fromText: toNumber,
    expected: 'a number of milliseconds, above 0 and at most 60000',
    placeholder: 'ms',
    help: 'latency budget of searches that name neither one nor a point (default: none, and the full model)',
  } as Setting<number | undefined>,
  // every turn sorts all that wait; with tens of thousands that would take longer than encoding
  queue: integer(1, 4096, 256, 'searches that may wait for the encoder'),
  writable: toggle('let clients with a write key change the index: add, replace, delete, reindex'),
  keys: path('file', `${ownData}keys.json`, 'API keys, which `matvit keys` makes'),
  auth: choice(['auto', 'always'], 'auto', 'ask for a key: auto does so unless it listens on loopback only'),
  maxBytes: integer(1024, 2 ** 31, 32 * 2 ** 20, 'bytes of one uploaded picture'),
  maxPixels: integer(4096, 1e9, 64e6, 'width x height of one picture'),
  maxWholePixels: integer(4096, 1e9, 24e6, 'the same of pictures that are decoded whole: all but baseline JPEGs'),
  decodeTimeout: integer(1, 600, 10, 'seconds that decoding one picture may take'),
  maxPictures: integer(1, 1000, 32, 'pictures in one request'),
  uploadMemory: integer(
    2 ** 20,
    2 ** 36,
    256 * 2 ** 20,
    'bytes of uploads held at the same time, half of them by one client; more are told to wait',
  ),
  rateLimit: integer(0, 1e9, 6000, 'requests a minute from one client; 0 for no limit'),
  drain: integer(0, 3600, 2, 'seconds of being not ready and answering still, before a stop'),
  requestTimeout: integer(1, 3600, 30, 'seconds that a client may take to send its request'),
  trustProxy: integer(0, 10, 0, 'reverse proxies in front, whose X-Forwarded-For is believed'),
  origins: list(
    'urls',
    'origins of other sites whose pages may call the API, such as https://shop.example',
    originRefusal,
  ),
  urlHosts: list(
    'hosts',
    "hosts that pictures may be fetched from, '*' for any public one (default: none, search by URL is off)",
    hostRefusal,
  ),
  thumbnails: text('dir', undefined, "cache of thumbnails (default: 'thumbnails' in the index's folder)"),
  logLevel: choice(
    ['silent', 'error', 'warn', 'info', 'debug'],
    'info',
    'what is logged, as JSON lines on standard error',
  ),
};
