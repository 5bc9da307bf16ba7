/**
 * The load generator: a process of its own, forked by bench-throughput.ts. It writes requests that were made beforehand
 * on bare sockets and looks for no more than status and length of an answer, so that most of the machine is the server's.
 */
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';

export interface ThroughputPlan {
  readonly url: string;
  /** JSON bodies of POST /v1/search, in turn */
  readonly bodies: readonly string[];
  /** each with one request under way */
  readonly connections: number;
  readonly ms: number;
}

export interface ThroughputSamples {
  /** milliseconds of each answer, from the request's first byte to the answer's last */
  readonly times: Float32Array;
  /** other statuses than 200 */
  readonly failures: number;
  /** of the whole run */
  readonly ms: number;
  /** CPU of this process, milliseconds */
  readonly cpuMs: number;
}

const headEnd = Buffer.from('\r\n\r\n');

/** One answer, which has a Content-Length. @returns its status */
async function answer(socket: Socket): Promise<number> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf(headEnd);
    if (end < 0) continue;
    const head = bytes.toString('latin1', 0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)![1]);
    if (bytes.length >= end + 4 + length) return Number(head.slice(9, 12));
  }
}

async function run({ url, bodies, connections, ms }: ThroughputPlan): Promise<ThroughputSamples> {
  const { hostname: host, port } = new URL(url);
  const requests = bodies.map(body =>
    Buffer.from(
      `POST /v1/search HTTP/1.1\r\nHost: ${host}:${port}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
  const times: number[] = [];
  let failures = 0;
  let next = 0;
  const began = performance.now();
  const cpu = process.cpuUsage();
  const client = async () => {
    const socket = connect({ host, port: Number(port), noDelay: true });
    while (performance.now() - began < ms) {
      const asked = performance.now();
      socket.write(requests[next++ % requests.length]!);
      if ((await answer(socket)) !== 200) failures++;
      times.push(performance.now() - asked);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: connections }, client));
  const { user, system } = process.cpuUsage(cpu);
  return {
    ...{ times: Float32Array.from(times), failures },
    ...{ ms: performance.now() - began, cpuMs: (user + system) / 1000 },
  };
}

process.on('message', (plan: ThroughputPlan) => {
  void run(plan).then(samples => process.send!(samples));
});
process.on('disconnect', () => process.exit());
