/**
 * Requests at a steady rate while a server swaps model and index, and then stops: none may fail. A second server stands
 * by, and the client does what a load balancer does: it asks /readyz, and goes to the first server that is ready.
 */
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadPicture } from './load/pictures.js';
import { poisson } from './load/traces.js';
import { ServeProcess } from './serve-process.js';
import { quantile } from '../statistics.js';

/** milliseconds between two questions to /readyz */
const interval = 100;

export interface SwapBench {
  readonly requests: number;
  /** other outcomes than 200: a status, or how the connection failed */
  readonly failures: Readonly<Record<string, number>>;
  /** hot swaps that the server said it completed */
  readonly swaps: number;
  /** milliseconds at the client */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** answers by the server that swapped and stopped, and by the one beside it */
  readonly answeredBy: readonly [number, number];
  /** of the server that was told to stop */
  readonly exitCode: number | null;
  /** from SIGTERM to its end, milliseconds */
  readonly stopMs: number;
}

export interface SwapOptions {
  /** of `matvit serve`, but for the port */
  readonly args: readonly string[];
  /** requests a second, a Poisson process */
  readonly rate: number;
  readonly seconds: number;
  /** hot swaps in the first two thirds of the time; then the server is stopped */
  readonly swaps: number;
  /** query pictures are uploaded in two requests of three, with this query string; the third is by id */
  readonly pictures: readonly LoadPicture[];
  readonly query: string;
  readonly seed: number;
}

export async function benchSwap(options: SwapOptions): Promise<SwapBench> {
  const { args, rate, seconds, swaps: wanted } = options;
  let swaps = 0;
  const onLog = (line: string) => (swaps += Number(line.includes('"msg":"reloaded"')));
  const first = await ServeProcess.start(args, { onLog });
  const second = await ServeProcess.start(args).catch(async (error: unknown) => {
    await first.stop();
    throw error;
  });
  const servers = [first, second] as const;
  const client = new Client(servers, options);
  try {
    const arrivals = poisson(rate, Math.round(rate * seconds), options.seed);
    const sending = client.send(arrivals);
    const phase = (1000 * seconds * 2) / 3 / (wanted + 1);
    for (let i = 0; i < wanted; i++) {
      await sleep(phase);
      first.child.kill('SIGHUP');
    }
    await sleep(phase);
    const began = performance.now();
    const exitCode = await first.stop('SIGTERM');
    const stopMs = performance.now() - began;
    await sending;
    const { times, failures, answeredBy } = client;
    const [p50, p99, max] = [0.5, 0.99, 1].map(q => quantile(times, q)) as [number, number, number];
    return { requests: arrivals.length, failures, swaps, p50, p99, max, answeredBy, exitCode, stopMs };
  } finally {
    client.close();
    await Promise.all(servers.map(server => server.stop()));
  }
}

class Client {
  readonly times: number[] = [];
  readonly failures: Record<string, number> = {};
  readonly answeredBy: [number, number] = [0, 0];
  private readonly agents = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })] as const;
  private firstIsReady = true;
  private closed = false;

  constructor(
    private readonly servers: readonly [ServeProcess, ServeProcess],
    private readonly options: SwapOptions,
  ) {
    void this.watch();
  }

  /** At their times, whether or not earlier ones have been answered. */
  async send(arrivals: readonly number[]): Promise<void> {
    const began = performance.now();
    const asked: Promise<void>[] = [];
    for (const [i, at] of arrivals.entries()) {
      const early = at - (performance.now() - began);
      if (early > 1) await sleep(early);
      asked.push(this.ask(i));
    }
    await Promise.all(asked);
  }

  close(): void {
    this.closed = true;
    for (const agent of this.agents) agent.destroy();
  }

  private async watch(): Promise<void> {
    while (!this.closed) {
      const asking = fetch(`${this.servers[0].url}/readyz`, { headers: { Connection: 'close' } });
      this.firstIsReady = await asking.then(({ ok }) => ok).catch(() => false);
      await sleep(interval);
    }
  }

  private async ask(i: number): Promise<void> {
    const { pictures, query } = this.options;
    const to = this.firstIsReady ? 0 : 1;
    const began = performance.now();
    const { id, bytes } = pictures[i % pictures.length]!;
    const byId = () => Buffer.from(JSON.stringify({ like: [{ id }] }));
    const outcome = await (i % 3 === 0
      ? this.post(to, '/v1/search', byId(), 'application/json')
      : this.post(to, `/v1/search?${query}`, bytes, 'image/jpeg'));
    this.times.push(performance.now() - began);
    if (outcome === 200) this.answeredBy[to]++;
    else this.failures[outcome] = (this.failures[outcome] ?? 0) + 1;
  }

  private post(to: 0 | 1, path: string, body: Uint8Array, type: string): Promise<number | string> {
    return new Promise(resolve => {
      const options = { method: 'POST', agent: this.agents[to], headers: { 'Content-Type': type } };
      const request = httpRequest(this.servers[to].url + path, options, response => {
        response.once('end', () => resolve(response.statusCode!)).once('error', () => resolve('cut'));
        response.resume();
      });
      request.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'cut'));
      request.end(body);
    });
  }
}
