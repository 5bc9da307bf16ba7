/** A `matvit serve` in a process of its own, and what it and its children hold of the machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeEnd } from '../before-end.js';
import { MatvitError } from '../errors.js';

const matvit = fileURLToPath(new URL('../../scripts/matvit.js', import.meta.url));

/** Ends a child with this process, also by a signal to this process alone. */
function endTogether(child: ChildProcess): void {
  const forget = beforeEnd(() => {
    child.kill();
    signalTree(child.pid!, 'SIGCONT'); // it may be paused
  });
  child.once('exit', forget);
}

export class ServeProcess {
  private constructor(
    readonly url: string,
    readonly child: ChildProcess,
  ) {}

  /** @param args of `matvit serve`, but for the port @throws INTERNAL with what it said, if it ends at once */
  static async start(
    args: readonly string[],
    { onLog }: { readonly onLog?: (line: string) => void } = {},
  ): Promise<ServeProcess> {
    const child = spawn(process.execPath, [matvit, 'serve', ...args, '--port', '0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    endTogether(child);
    let said = '';
    createInterface(child.stderr).on('line', line => {
      said = line;
      onLog?.(line);
    });
    const url = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout).once('line', line => resolve(line.split(' ')[0]!));
      child.once('exit', () => reject(new MatvitError('INTERNAL', `matvit serve ended: ${said}`)));
    });
    return new ServeProcess(url, child);
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resident memory of the server and its child processes, bytes; what they share counts in each. Linux alone; else 0. */
  memory(): number {
    return processTree(this.child.pid!).reduce((sum, pid) => sum + residentOf(pid), 0);
  }

  /** CPU that the server has used, without its child processes, milliseconds. Linux alone; else 0. */
  cpuMs(): number {
    try {
      const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      return 10 * (Number(fields[11]) + Number(fields[12])); // user and system, in ticks of 10 ms
    } catch {
      return 0;
    }
  }

  /** Holds it and its child processes where they are, until `resume`. */
  pause(): void {
    signalTree(this.child.pid!, 'SIGSTOP');
  }

  resume(): void {
    signalTree(this.child.pid!, 'SIGCONT');
  }

  /** @param signal SIGTERM drains @returns its exit code */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.isAlive) return this.child.exitCode;
    const ended = once(this.child, 'exit') as Promise<[number | null]>;
    this.resume();
    this.child.kill(signal);
    return (await ended)[0];
  }
}

function signalTree(root: number, signal: NodeJS.Signals): void {
  for (const pid of processTree(root))
    try {
      process.kill(pid, signal);
    } catch {
      // it has ended
    }
}

function residentOf(pid: number): number {
  try {
    return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0; // it has ended
  }
}

function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  try {
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      const parent = parentOf(entry);
      if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    }
  } catch {
    return []; // no /proc
  }
  const tree = [root];
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i]!) ?? []));
  return tree;
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}
