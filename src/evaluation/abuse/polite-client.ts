/** Somebody else, who has an address of their own and just searches: by a picture, then by a stored one, and so on. */
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../../statistics.js';
import { healthyPictures } from './fuzz.js';

export interface Politeness {
  readonly requests: number;
  /** other answers than 200, and none */
  readonly failures: number;
  /** milliseconds, failures included */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** milliseconds between an answer and the next request */
const pause = 50;

export class PoliteClient {
  private readonly times: number[] = [];
  private failures = 0;
  private stopped = false;
  private readonly agent = new Agent({
    keepAlive: true,
    ...(process.platform === 'linux' && { localAddress: '127.0.0.2' }),
  });
  private readonly running: Promise<void>;

  private constructor(
    private readonly url: string,
    private readonly picture: Buffer,
  ) {
    this.running = this.run();
  }

  static async start(url: string): Promise<PoliteClient> {
    return new PoliteClient(url, (await healthyPictures())[0]!);
  }

  async stop(): Promise<Politeness> {
    this.stopped = true;
    await this.running;
    this.agent.destroy();
    const [p50, p99, max] = [0.5, 0.99, 1].map(q => quantile(this.times, q)) as [number, number, number];
    return { requests: this.times.length, failures: this.failures, p50, p99, max };
  }

  private async run(): Promise<void> {
    const byId = Buffer.from('{"like": [{"id": 1}], "k": 5}');
    for (let i = 0; !this.stopped; i++) {
      const began = performance.now();
      const isFine = await (i % 2 === 0
        ? this.search(this.picture, 'image/jpeg')
        : this.search(byId, 'application/json'));
      this.times.push(performance.now() - began);
      if (!isFine) this.failures++;
      await sleep(pause);
    }
  }

  private search(body: Buffer, type: string): Promise<boolean> {
    return new Promise(resolve => {
      const options = { method: 'POST', agent: this.agent, headers: { 'Content-Type': type }, timeout: 30_000 };
      const request = httpRequest(`${this.url}/v1/search`, options, response => {
        response.once('end', () => resolve(response.statusCode === 200)).once('error', () => resolve(false));
        response.resume();
      });
      request.once('timeout', () => request.destroy()).once('error', () => resolve(false));
      request.end(body);
    });
  }
}
