/** One question to a forked process, and its answer. */
import type { ChildProcess, Serializable } from 'node:child_process';
import { basename } from 'node:path';
import { MatvitError } from '../errors.js';

/** @returns the next message of a child that is asked nothing else meanwhile @throws INTERNAL if it ends instead */
export function askChild<Answer>(child: ChildProcess, question: Serializable): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ended = () => {
      const how = child.signalCode ?? child.exitCode ?? 'unknown';
      reject(new MatvitError('INTERNAL', `${basename(child.spawnargs.at(-1)!)} ended without an answer (${how})`));
    };
    child.once('exit', ended).once('message', answer => {
      child.off('exit', ended);
      resolve(answer as Answer);
    });
    child.send(question, error => {
      if (error) ended(); // it had ended before
    });
  });
}
