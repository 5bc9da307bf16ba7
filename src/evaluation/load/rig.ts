/** A `matvit serve` of its own process, and the load generator's. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { MatvitError } from '../../errors.js';
import type { LoadPlan, LoadResult } from './plan.js';

const matvit = fileURLToPath(new URL('../../../scripts/matvit.js', import.meta.url));
const generator = fileURLToPath(new URL('./generator.js', import.meta.url));

export class LoadRig {
  private constructor(
    readonly url: string,
    private readonly server: ChildProcess,
    private readonly generator: ChildProcess,
  ) {}

  /** Starts a server, lets `action` use it, and stops it. @param args of `matvit serve`, but for host and port */
  static async use<T>(args: readonly string[], action: (rig: LoadRig) => Promise<T>): Promise<T> {
    const rig = await LoadRig.start(args);
    try {
      return await action(rig);
    } finally {
      await rig.stop();
    }
  }

  private static async start(args: readonly string[]): Promise<LoadRig> {
    const server = spawn(
      process.execPath,
      [matvit, 'serve', ...args, '--port', '0', '--rate-limit', '0', '--log-level', 'error'],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let said = '';
    server.stderr.setEncoding('utf8').on('data', (text: string) => (said = text));
    const url = await new Promise<string>((resolve, reject) => {
      createInterface(server.stdout).once('line', line => resolve(line.split(' ')[0]!));
      server.once('exit', () => reject(new MatvitError('INTERNAL', `matvit serve ended: ${said.trim()}`)));
    });
    return new LoadRig(url, server, fork(generator, { serialization: 'advanced' }));
  }

  async run(plan: Omit<LoadPlan, 'url' | 'patienceMs'>): Promise<LoadResult> {
    this.generator.send({ ...plan, url: this.url, patienceMs: 5000 });
    const [result] = (await once(this.generator, 'message')) as [LoadResult];
    return result;
  }

  /** Names of the operating points on the server's frontier, cheapest first. */
  async points(): Promise<string[]> {
    const frontier = (await (await fetch(`${this.url}/v1/frontier`)).json()) as { points: { at: string }[] };
    return frontier.points.map(({ at }) => at);
  }

  private async stop(): Promise<void> {
    this.generator.disconnect();
    const ended = once(this.server, 'exit');
    this.server.kill('SIGTERM');
    await ended;
  }
}
