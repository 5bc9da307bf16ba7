/** A way to a server that can be cut and mended, as a network is. */
import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

export interface Proxy {
  /** the server's, but through here */
  readonly address: string;
  readonly isCut: boolean;
  /** Breaks all connections, and new ones too. @param at not now, but when a client sends this */
  cut(at?: string): void;
  mend(): void;
  close(): Promise<void>;
}

export async function startProxy(address: string): Promise<Proxy> {
  const { hostname, port } = new URL(address);
  const sockets = new Set<Socket>();
  let [isCut, cutAt] = [false, undefined as string | undefined];
  const cut = () => {
    [isCut, cutAt] = [true, undefined];
    for (const socket of sockets) socket.destroy();
  };
  const proxy = createServer(client => {
    const upstream = connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined); // its close follows
      socket.on('close', () => sockets.delete(socket) && other.destroy());
    }
    upstream.pipe(client);
    client.on('data', (data: Buffer) => {
      if (isCut || (cutAt !== undefined && data.includes(cutAt))) cut();
      else upstream.write(data);
    });
    if (isCut) cut();
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const through = new URL(address);
  through.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return {
    address: String(through),
    get isCut() {
      return isCut;
    },
    cut: at => (at === undefined ? cut() : void (cutAt = at)),
    mend: () => void (isCut = false),
    close: async () => {
      cut();
      await once(proxy.close(), 'close');
    },
  };
}
