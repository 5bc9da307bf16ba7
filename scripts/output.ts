/** What commands print, and what their help ends with. */
import type { Command } from 'commander';

/** @param text the result for people */
export function print<T>(result: T, json: boolean, text: (result: T) => string): void {
  process.stdout.write(`${json ? JSON.stringify(result) : text(result)}\n`);
}

/** @param example arguments of matvit */
export const withExample = (command: Command, example: string): Command =>
  command.addHelpText('after', `\nExample:\n  $ matvit ${example}`);
