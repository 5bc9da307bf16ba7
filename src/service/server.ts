/** Runs the app on a port until it is told to stop. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MatvitError } from '../errors.js';
import { app } from './app.js';
import type { Service } from './service.js';

/** Seconds that a request in flight, an upload that has stalled for instance, may hold up a stop. */
const patience = 10;

export interface RunningServer {
  /** http://host:port */
  readonly url: string;
  /** Answers what has been asked, refuses what is new, and closes. */
  stop(): Promise<void>;
}

/** @throws OPTION_INVALID if the address cannot be had */
export async function startServer(
  service: Service,
  { host, port }: { host: string; port: number },
): Promise<RunningServer> {
  const server = createServer(app(service));
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
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(new MatvitError('OPTION_INVALID', `${host}:${port}: ${error.message}`)));
    server.listen(port, host, resolve);
  });
  const { family, address, port: actual } = server.address() as AddressInfo;
  const stop = async () => {
    service.stopping = true;
    const timer = setTimeout(() => server.closeAllConnections(), 1000 * patience);
    await new Promise<void>(resolve => {
      server.close(() => resolve());
      closeUnused();
    });
    clearTimeout(timer);
  };
  return { url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`, stop };
}
