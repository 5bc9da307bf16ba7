/** What can be configured: one entry a key, from which flags, variables, file and documentation are made. */
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
  /** of the flag's argument; none for switches */
  readonly placeholder?: string;
  readonly help: string;
  /** what help calls the fallback, where it is an absolute path */
  readonly fallbackName?: string;
}

export type Settings = typeof settings;

const text = (placeholder: string, fallback: string | undefined, help: string): Setting<string | undefined> => ({
  schema: z.string().min(1).max(4096).optional(),
  ...{ fallback, fromText: value => value, placeholder, help },
});

const path = (placeholder: string, fallback: string, help: string): Setting<string> => ({
  schema: z.string().min(1).max(4096),
  ...{ fallback, fromText: value => value, placeholder, help },
});

const integer = (min: number, max: number, fallback: number, help: string): Setting<number> => ({
  schema: z.number().int().min(min).max(max),
  ...{ fallback, fromText: value => (/^-?\d+(e\d)?$/.test(value) ? Number(value) : value), placeholder: 'n', help },
});

const choice = <T extends string>(options: readonly [T, ...T[]], fallback: T, help: string): Setting<T> => ({
  schema: z.enum(options),
  ...{ fallback, fromText: value => value, placeholder: options.join('|'), help },
});

const toggle = (help: string): Setting<boolean> => ({
  schema: z.boolean(),
  ...{ fallback: false, fromText: value => ({ true: true, false: false })[value] ?? value, help },
});

const list = (placeholder: string, help: string): Setting<readonly string[]> => ({
  schema: z.array(z.string().min(1).max(300)).max(1000),
  fallback: [],
  fromText: value => value.split(',').map(item => item.trim()),
  ...{ placeholder, help },
});

export const settings = {
  index: path('dir', defaultIndex, 'folder of the index, or postgres://…'),
  model: { ...path('dir', `${indexData}model`, 'folder of the model'), fallbackName: 'the shipped one' },
  engine: choice(['auto', 'onnx', 'tfjs'], 'auto', 'what runs the encoder: auto takes tfjs if a GPU is there'),
  workers: {
    schema: z.number().int().min(1).max(1024).optional(),
    fallback: undefined,
    fromText: value => (/^\d+$/.test(value) ? Number(value) : value),
    placeholder: 'n',
    help: 'encoder threads (default: one a core)',
  } as Setting<number | undefined>,
  host: path('address', '127.0.0.1', 'address to listen on; others than loopback need keys'),
  port: integer(0, 65_535, 7700, 'port; 0 takes a free one'),
  budget: {
    schema: z.number().gt(0).max(60_000).optional(),
    fallback: undefined,
    fromText: value => (/^\d*\.?\d+$/.test(value) ? Number(value) : value),
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
  origins: list('urls', 'origins of other sites whose pages may call the API, such as https://shop.example'),
  urlHosts: list(
    'hosts',
    "hosts that pictures may be fetched from, '*' for any public one (default: none, search by URL is off)",
  ),
  thumbnails: text('dir', undefined, "cache of thumbnails (default: 'thumbnails' in the index's folder)"),
  logLevel: choice(
    ['silent', 'error', 'warn', 'info', 'debug'],
    'info',
    'what is logged, as JSON lines on standard error',
  ),
};
