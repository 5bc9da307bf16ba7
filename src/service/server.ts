/** Runs the app on a port until it is told to stop. */
import { once } from 'node:events';
import { createServer, maxHeaderSize } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, MatvitError } from '../errors.js';
import { app } from './app.js';
import { headArrived } from './arrival.js';
import { problemOf, reportOf } from './errors.js';
import { messagesOf } from './messages.js';
import type { Service } from './service.js';

/** Seconds that a request in flight, an upload that has stalled for instance, may hold up a stop. */
const patience = 10;
/** Seconds for a request's headers, and milliseconds between looks for what is late. */
const headersTimeout = 10;
const checkingInterval = 1000;
/** Milliseconds that a client has to read why its connection is closed. */
const closingPatience = 1000;

export interface RunningServer {
  /** http://host:port */
  readonly url: string;
  /**
   * Says at /readyz that it wants no more, and answers all the same while load balancers take note; then answers what
   * has been asked, refuses what is new, cancels a job, and closes.
   */
  stop(): Promise<void>;
}

/** @throws OPTION_INVALID if the address cannot be had */
export async function startServer(service: Service): Promise<RunningServer> {
  const { host, port, requestTimeout, drain } = service.config;
  const application = app(service);
  const server = createServer(
    {
      ...messagesOf(application),
      requestTimeout: 1000 * requestTimeout,
      headersTimeout: 1000 * Math.min(headersTimeout, requestTimeout),
      connectionsCheckingInterval: checkingInterval,
      keepAliveTimeout: 10_000,
    },
    application,
  );
  server.prependListener('request', headArrived);
  server.on('clientError', answerClientError);
  let inFlight = 0;
  // Browsers open connections ahead of need, which Node never counts as idle: a stop would wait for them.
  const closeUnused = () => (inFlight === 0 ? server.closeAllConnections() : server.closeIdleConnections());
  server.on('request', (_request, response) => {
    inFlight++;
    response.once('close', () => {
      inFlight--;
      if (service.stopping) closeUnused();
    });
  });
  server.listen(port, host);
  await once(server, 'listening').catch((error: Error) => {
    throw new MatvitError('OPTION_INVALID', `${host}:${port}: ${error.message}`);
  });
  server.on('error', error => service.log.error({ error: reportOf(error) }, 'a connection could not be accepted'));
  const { family, address, port: actual } = server.address() as AddressInfo;
  const stop = async () => {
    service.draining = true;
    if (drain > 0) await sleep(1000 * drain);
    service.stopping = true;
    const timer = setTimeout(() => server.closeAllConnections(), 1000 * patience);
    await Promise.all([
      service.jobs.stop(),
      new Promise<void>(resolve => {
        server.close(() => resolve());
        closeUnused();
      }),
    ]);
    clearTimeout(timer);
  };
  return { url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`, stop };
}

/** Why there never was a request, by Node's code; any other code means that it is no HTTP. */
const clientErrors: ReadonlyMap<string | undefined, readonly [ErrorCode, detail: string]> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', ['REQUEST_TIMEOUT', 'the connection is closed']],
  ['HPE_HEADER_OVERFLOW', ['REQUEST_TOO_LARGE', `address and headers are longer than ${maxHeaderSize / 2 ** 10} KiB`]],
]);

/** What never became a request: too slow, too long, or no HTTP. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [code, detail] = clientErrors.get(error.code) ?? ['REQUEST_INVALID', 'it is not HTTP as this server speaks it'];
  const problem = new MatvitError(code, detail);
  const body = problemOf(problem);
  const head = `HTTP/1.1 ${problem.status} ${code}\r\nContent-Type: application/problem+json\r\n`;
  socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
  // a client that keeps its side open would keep what it has sent as well
  const timer = setTimeout(() => socket.destroy(), closingPatience).unref();
  socket.once('close', () => clearTimeout(timer));
}
