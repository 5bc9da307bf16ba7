/**
 * Fetching a picture from an address that a stranger chose. Every address that the name resolves to must be public, and
 * the socket connects to exactly those: a name cannot be rebound in between. Redirects are vetted like the first.
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { type IncomingMessage, get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { MatvitError, reasonOf } from '../errors.js';
import { checkBytes } from './read.js';

export interface FetchOptions {
  /** hosts, or '*' for all that are public */
  readonly hosts: readonly string[];
  readonly maxBytes: number;
  /** for all of it, redirects included; milliseconds */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** told of every chunk's bytes as it comes; may throw */
  readonly take?: (bytes: number) => void;
  /** resolves names; all addresses of one */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
  /** Is this address vetted? For tests, that have no other than loopback. */
  readonly isAllowed?: (address: string) => boolean;
}

const forbidden = (reason: string) => new MatvitError('URL_FORBIDDEN', reason);
const unreachable = (reason: string, cause?: unknown) => new MatvitError('URL_UNREACHABLE', reason, { cause });

/**
 * Is it an address of the public internet? ipaddr.js knows private, loopback, link-local, carrier-grade NAT, multicast,
 * benchmarking and documentation ranges; IPv6 that carries an IPv4 address is as good as that one.
 */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  // the IPv4-compatible ::a.b.c.d, deprecated, is unicast to ipaddr.js
  return parsed.kind() === 'ipv4' || !(parsed as ipaddr.IPv6).parts.slice(0, 6).every(part => part === 0);
}

const resolveAll = (host: string): Promise<readonly LookupAddress[]> =>
  new Promise((resolve, reject) =>
    systemLookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses))),
  );

const maxRedirects = 3;

/** @throws URL_FORBIDDEN, URL_UNREACHABLE, IMAGE_TOO_LARGE, REQUEST_ABORTED */
export async function fetchPicture(url: string, options: FetchOptions): Promise<Buffer> {
  const { timeout = 10_000 } = options;
  const limit = AbortSignal.timeout(timeout);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  let target = url;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await request(vetted(target, options), options, signal);
    const { statusCode = 0, headers } = response;
    if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
      response.destroy();
      if (!URL.canParse(headers.location, target)) throw unreachable('it redirects to nowhere');
      target = new URL(headers.location, target).href;
      continue;
    }
    if (statusCode !== 200) {
      response.destroy();
      throw unreachable(`its server answers ${statusCode}`);
    }
    return read(response, options, signal);
  }
  throw unreachable(`it redirects more than ${maxRedirects} times`);
}

/** What can be judged by the address itself. WHATWG URLs have octal, decimal and hexadecimal hosts normalised already. */
function vetted(text: string, { hosts, isAllowed = isPublic }: FetchOptions): URL {
  if (!URL.canParse(text)) throw forbidden('it is not a URL');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw forbidden(`${url.protocol} is not http or https`);
  if (url.username !== '' || url.password !== '') throw forbidden('it has a user name or a password');
  const host = url.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  if (!hosts.includes('*') && !hosts.includes(host)) throw forbidden(`${host} is not among the hosts allowed`);
  if (ipaddr.isValid(host) && !isAllowed(host)) throw forbidden(`${host} is not a public address`);
  return url;
}

function request(url: URL, options: FetchOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const { resolve: resolveHost = resolveAll, isAllowed = isPublic } = options;
  // Node calls this for names alone, and connects to what it answers: the vetted addresses themselves.
  const lookup: LookupFunction = (host, { all }, done) => {
    resolveHost(host).then(
      addresses => {
        const [first] = addresses;
        const refuse = (reason: string) => done(forbidden(reason), '');
        if (!first) refuse(`${host} has no address`);
        else if (!addresses.every(({ address }) => isAllowed(address)))
          refuse(`${host} has an address that is not public`);
        else if (all) done(null, [...addresses]);
        else done(null, first.address, first.family);
      },
      (error: Error) => done(unreachable(`${host} cannot be resolved`, error), ''),
    );
  };
  return new Promise((resolve, reject) => {
    const get = url.protocol === 'https:' ? getHttps : getHttp;
    const headers = { Accept: 'image/*', 'Accept-Encoding': 'identity', 'User-Agent': 'matvit' };
    const outgoing = get(url, { lookup, signal, headers, agent: false, maxHeaderSize: 16_384 }, resolve);
    outgoing.once('error', error => reject(failure(error, options, signal)));
    // after '101 Switching Protocols' Node has neither an answer nor an error
    outgoing.once('close', () => reject(unreachable('its server gives no answer')));
  });
}

async function read(response: IncomingMessage, options: FetchOptions, signal: AbortSignal): Promise<Buffer> {
  const { maxBytes, take } = options;
  const check = (size: number) => checkBytes(size, { maxBytes }, 'the fetched picture');
  const declared = Number(response.headers['content-length'] ?? 0);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    check(declared);
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      check(size);
      take?.(chunk.length);
      chunks.push(chunk);
    }
  } catch (error) {
    response.destroy();
    throw failure(error, options, signal);
  }
  return Buffer.concat(chunks);
}

/** @param signal aborted by the client or when it takes too long */
function failure(error: unknown, options: FetchOptions, signal: AbortSignal): MatvitError {
  if (error instanceof MatvitError) return error;
  if (options.signal?.aborted) return new MatvitError('REQUEST_ABORTED', 'nobody waits for the picture');
  if (signal.aborted) return unreachable('it took too long', error);
  const { code } = error as NodeJS.ErrnoException;
  return unreachable(code ?? reasonOf(error).slice(0, 100), error);
}
