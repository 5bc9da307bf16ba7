/** A `matvit serve` of its own process, and the load generator's. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MatvitError } from '../../errors.js';
import { askChild } from '../ask-child.js';
import { ServeProcess } from '../serve-process.js';
import type { LoadPlan, LoadResult } from './plan.js';

const generator = fileURLToPath(new URL('./generator.js', import.meta.url));

type Plan = Omit<LoadPlan, 'url' | 'patienceMs'>;

export class LoadRig {
  private constructor(
    private readonly server: ServeProcess,
    private readonly generator: ChildProcess,
  ) {}

  /** Starts a server, lets `action` use it, and stops it. @param args of `matvit serve`, but for host and port */
  static use<T>(args: readonly string[], action: (rig: LoadRig) => Promise<T>): Promise<T> {
    return LoadRig.useSeveral(args, 1, ([rig]) => {
      rig!.server.resume();
      return action(rig!);
    });
  }

  /**
   * The same with several servers, all paused. One that idles collects garbage, some eight seconds after its last request,
   * which took 20 ms of what another was doing.
   */
  static async useSeveral<T>(
    args: readonly string[],
    count: number,
    action: (rigs: readonly LoadRig[]) => Promise<T>,
  ): Promise<T> {
    const rigs: LoadRig[] = [];
    try {
      while (rigs.length < count) {
        const rig = await LoadRig.start(args);
        rigs.push(rig);
        rig.server.pause();
      }
      return await action(rigs);
    } finally {
      await Promise.all(rigs.map(rig => rig.stop()));
    }
  }

  private static async start(args: readonly string[]): Promise<LoadRig> {
    const server = await ServeProcess.start([...args, '--rate-limit', '0', '--log-level', 'error']);
    return new LoadRig(server, fork(generator, { serialization: 'advanced' }));
  }

  /** Resumes a paused server for one run. @throws what `run` does */
  async runInTurn(plan: Plan): Promise<LoadResult> {
    this.server.resume();
    try {
      return await this.run(plan);
    } finally {
      this.server.pause();
    }
  }

  /** @throws INTERNAL if the server or the generator ends: requests that nobody took are no result */
  async run(plan: Plan): Promise<LoadResult> {
    const whole: LoadPlan = { ...plan, url: this.server.url, patienceMs: 5000 };
    const result = await askChild<LoadResult>(this.generator, whole);
    if (!this.server.isAlive) throw new MatvitError('INTERNAL', 'matvit serve ended under load');
    return result;
  }

  /** Names of the operating points on the server's frontier, cheapest first. */
  async points(): Promise<string[]> {
    const frontier = (await (await fetch(`${this.server.url}/v1/frontier`)).json()) as { points: { at: string }[] };
    return frontier.points.map(({ at }) => at);
  }

  private async stop(): Promise<void> {
    this.generator.kill();
    await this.server.stop();
  }
}
