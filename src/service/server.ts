/** Runs the app on a port until it is told to stop. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MatvitError } from '../errors.js';
import { app } from './app.js';
import type { Service } from './service.js';

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
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(new MatvitError('OPTION_INVALID', `${host}:${port}: ${error.message}`)));
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { url: `http://${name}:${address.port}`, stop: () => stop(server, service) };
}

async function stop(server: Server, service: Service): Promise<void> {
  service.stopping = true;
  await new Promise<void>(resolve => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
