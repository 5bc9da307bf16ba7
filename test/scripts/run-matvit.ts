/** The command line as its users run it: a process of its own. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, errorTable } from '../../src/errors.js';

const script = fileURLToPath(new URL('../../scripts/matvit.js', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly outcome: Promise<Outcome>;
}

export function start(...args: string[]): Running {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const outcome = Promise.all([closed, text(child.stdout), text(child.stderr)]).then(
    ([[code, signal], stdout, stderr]) => ({ code, signal, stdout, stderr }),
  );
  return { child, outcome };
}

export const matvit = (...args: string[]): Promise<Outcome> => start(...args).outcome;

/** Its standard output, if it succeeds. */
export async function output(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await matvit(...args);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** The one JSON object that it prints on standard output, with nothing else there or on standard error. */
export async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await matvit(...args, '--json');
  assert.deepEqual([code, stderr], [0, ''], args.join(' '));
  assert.equal(stdout.split('\n').length, 2, stdout);
  return JSON.parse(stdout) as T;
}

/** That it ends with one line that says what is wrong, and with 1. */
export async function expectError(expected: ErrorCode, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await matvit(...args);
  assert.match(
    stderr,
    new RegExp(`^matvit: ${errorTable[expected].title}: [^\\n]+ \\[${expected}\\]\\n$`),
    args.join(' '),
  );
  assert.deepEqual([code, stdout], [1, ''], args.join(' '));
  return stderr;
}
