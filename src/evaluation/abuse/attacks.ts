/** What is done to a server, each until it is over. An outcome is an HTTP status, or how the connection ended. */
import { Agent, type ClientRequest, request as httpRequest } from 'node:http';
import { type Socket, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pMap from 'p-map';
import { type Bomb, bombs } from './bombs.js';
import { healthyPictures, hostile } from './fuzz.js';

export interface AttackPlan {
  readonly url: string;
  readonly attack: AttackName;
  /** connections, slow clients; bodies and bombs are a few of each kind anyway */
  readonly count: number;
  /** hostile ones */
  readonly pictures: number;
  readonly seed: number;
  /** seconds that connections keep asking; slow clients are patient for a minute */
  readonly seconds: number;
  /** of the pictures that are just within the limit of pixels */
  readonly side: number;
}

export type Outcomes = Record<string, number>;
export type AttackName = keyof typeof attacks;

type Tell = (outcome: string | number) => void;

/** Attackers have eight addresses, so that no limit for one client is what stops them. Linux has all of 127/8. */
const attackers = 8;
const from = (i: number) => (process.platform === 'linux' ? { localAddress: `127.0.1.${1 + (i % attackers)}` } : {});

export const attacks = {
  /** Many connections at once, each of which asks a second after its last answer; every tenth uploads pictures. */
  async connections({ url, count, seconds }: AttackPlan, tell: Tell) {
    const [picture] = await healthyPictures();
    const agents = Array.from({ length: attackers }, (_, i) => new Agent({ keepAlive: true, maxSockets: Infinity, ...from(i) })); // prettier-ignore
    const end = Date.now() + 1000 * seconds;
    const client = async (i: number) => {
      while (Date.now() < end) {
        const agent = agents[i % attackers]!;
        const outcome = await (i % 10 === 0
          ? send(url, { method: 'POST', path: '/v1/search', agent }, picture)
          : send(url, { path: '/v1/images/1', agent }));
        tell(outcome);
        await sleep(1000);
      }
    };
    await Promise.all(Array.from({ length: count }, (_, i) => client(i)));
    for (const agent of agents) agent.destroy();
  },

  /** Half of them never end their headers, half never end their bodies: a byte a second. */
  async 'slow clients'({ url, count }: AttackPlan, tell: Tell) {
    const heads = ['GET /v1/images/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ', `${postHead(1000)}\r\n`];
    await Promise.all(Array.from({ length: count }, (_, i) => drip(url, i, heads[i % 2]!).then(tell)));
  },

  /** 10 GB, declared or not: as raw bodies, JSON and forms. */
  async 'endless bodies'({ url }: AttackPlan, tell: Tell) {
    const size = 10e9;
    const form = 'multipart/form-data; boundary=x';
    const part = '--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n';
    const cases = [
      postHead(size),
      postHead(undefined),
      postHead(size, 'application/json'),
      postHead(undefined, 'application/json'),
      postHead(size, form),
      postHead(undefined, form),
    ];
    const connections = cases.flatMap((head, i) =>
      Array.from({ length: 4 }, (_, n) => pour(url, 4 * i + n, head, head.includes(form) ? part : '', size)),
    );
    for (const outcome of await Promise.all(connections)) tell(outcome);
  },

  async bombs({ url, side }: AttackPlan, tell: Tell) {
    const all = await bombs(side);
    const twice = [...all, ...all];
    await pMap(
      twice.map((bomb, i): [Bomb, number] => [bomb, i]),
      async ([{ bytes, headers }, i]) => tell(await post(url, i, bytes, headers)),
      { concurrency: 6 },
    );
  },

  async 'hostile pictures'({ url, pictures, seed }: AttackPlan, tell: Tell) {
    const healthy = await healthyPictures();
    const each = Array.from({ length: pictures }, (_, i) => i);
    await pMap(each, async i => tell(await post(url, i, hostile(healthy, seed, i), {}, '?at=S@96')), {
      concurrency: 8,
    });
  },
};

function post(url: string, i: number, body: Buffer, headers: Readonly<Record<string, string>> = {}, query = '') {
  return send(url, { method: 'POST', path: `/v1/search${query}`, headers, agent: false, ...from(i) }, body);
}

function send(url: string, options: Parameters<typeof httpRequest>[1], body?: Buffer): Promise<number | string> {
  return new Promise(resolve => {
    const request: ClientRequest = httpRequest(url, options, response => {
      response.once('end', () => resolve(response.statusCode!)).once('error', () => resolve('cut'));
      response.resume();
    });
    request.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'cut'));
    request.end(body);
  });
}

const postHead = (length?: number, type = 'image/jpeg') =>
  `POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${type}\r\n` +
  (length === undefined ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${length}\r\n`);

/** A connection, and the status that was answered on it once it is closed, or that it was closed without one. */
function open(url: string, i: number): { socket: Socket; closed: Promise<string> } {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), ...from(i) });
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text.slice(0, 100)));
  socket.on('error', () => undefined); // 'close' follows
  const closed = new Promise<string>(resolve => {
    socket.once('close', () => resolve(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'cut'));
  });
  return { socket, closed };
}

async function drip(url: string, i: number, head: string): Promise<string> {
  const { socket, closed } = open(url, i);
  socket.write(head);
  const timer = setInterval(() => socket.write('x'), 1000);
  const outcome = await Promise.race([closed, sleep(60_000, 'still there', { ref: false })]);
  clearInterval(timer);
  socket.destroy();
  return outcome;
}

/** Sends as fast as it is taken. */
async function pour(url: string, i: number, head: string, start: string, size: number): Promise<string> {
  const { socket, closed } = open(url, i);
  const isChunked = head.includes('chunked');
  const block = Buffer.alloc(2 ** 16);
  const framed = isChunked ? Buffer.concat([Buffer.from('10000\r\n'), block, Buffer.from('\r\n')]) : block;
  const first = isChunked && start !== '' ? `${start.length.toString(16)}\r\n${start}\r\n` : start;
  socket.write(`${head}\r\n${first}`);
  let open_ = true;
  void closed.then(() => (open_ = false));
  for (let sent = 0; open_ && sent < size; sent += block.length)
    if (!socket.write(framed)) await Promise.race([closed, new Promise(resolve => socket.once('drain', resolve))]);
  const outcome = await closed;
  return socket.bytesWritten >= size ? `${outcome} after all of it` : outcome;
}
