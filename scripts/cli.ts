/** What all commands share: options, output, errors, Ctrl-C. */
import { type Command, CommanderError, Help, InvalidArgumentError, Option } from 'commander';
import cliProgress from 'cli-progress';
import { parseSetting } from '../src/config.js';
import { MatvitError, reasonOf } from '../src/errors.js';
import { engines } from '../src/encoder/engine.js';
import { unknownName } from '../src/nearest.js';
import { defaultIndex, indexData } from '../src/settings.js';
import type { Pictures } from '../src/training/pictures.js';

export { indexData };

export const defaultModel = `${indexData}model`;
export const demoIndex = `${indexData}demo`;

const folderOption = (flags: string, what: string) => new Option(flags, what).argParser(notEmpty);
export const modelOption = () =>
  folderOption('--model <dir>', 'folder of the model').default(defaultModel, 'the shipped one').env('MATVIT_MODEL');
export const indexOption = (what = 'folder of the index') =>
  folderOption('--index <dir>', what).default(defaultIndex).env('MATVIT_INDEX');
/** For the commands that can use an index in a database too. */
export const anyIndexOption = () => indexOption('folder of the index, or postgres://…');
export const demoIndexOption = (what = 'folder of the index') =>
  folderOption('--index <dir>', what).default(demoIndex, "the demo's");
export const engineOption = () =>
  new Option('--engine <name>', 'what runs the encoder: auto takes tfjs if a GPU is there')
    .choices(engines)
    .default('auto');
export const workersOption = () =>
  new Option('--workers <n>', 'encoder threads (default: one a core)').argParser(workerCount);
export const jsonOption = () => new Option('--json', 'print one JSON object and nothing else').default(false);

/** As many as a server may have. */
export const workerCount = (text: string) => parseSetting('workers', text);

/** To Node an empty path is the working folder. */
export function notEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('It is empty.');
  return text;
}

export function positiveInteger(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 1) throw new InvalidArgumentError('It is not a positive whole number.');
  return n;
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}

/** 0 stands for a free one. */
export function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('It is not a port, 0 to 65535.');
  return Number(text);
}

export function number(text: string): number {
  const n = Number(text);
  if (text.trim() === '' || !Number.isFinite(n)) throw new InvalidArgumentError('It is not a number.');
  return n;
}

export function positiveNumber(text: string): number {
  const n = number(text);
  if (n <= 0) throw new InvalidArgumentError('It is not a number above 0.');
  return n;
}

export interface Progress {
  // properties, so that they can be passed on as they are
  readonly update: (done: number, total: number, note?: string) => void;
  readonly stop: () => void;
}

/** A bar that has been begun holds the process until it is stopped. */
const begun = new Set<cliProgress.SingleBar>();

/** A bar on a terminal's standard error; nothing elsewhere. `report` stops those that an error has left. */
export function progress(what: string): Progress {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const bar = new cliProgress.SingleBar({
    format: `${what} {bar} {value}/{total}  {note}  ETA {eta_formatted}`,
    etaBuffer: 200,
    stream: process.stderr,
  });
  let started = false;
  return {
    update(done, total, note = '') {
      if (!started) bar.start(total, done, { note });
      started = true;
      begun.add(bar);
      bar.setTotal(total);
      bar.update(done, { note });
    },
    stop() {
      if (begun.delete(bar)) bar.stop();
    },
  };
}

const interrupted = new AbortController();
let listens = false;

function interrupt(): void {
  // the next signal does what signals do: process.exit would abort in ONNX Runtime's threads. But not the next SIGHUP:
  // of one closed terminal both the shell and the system tell
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  if (interrupted.signal.aborted) return;
  process.stderr.write('\nstopping; once more to stop at once\n');
  interrupted.abort();
}

/**
 * Aborts at the first Ctrl-C, SIGTERM or SIGHUP (a closed terminal), so that work can end consistently; one more Ctrl-C or
 * SIGTERM ends the process at once.
 * @param hangup whether at SIGHUP, from now on: servers reload at it
 */
export function interruption({ hangup = true } = {}): AbortSignal {
  if (!listens) process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  listens = true;
  process.off('SIGHUP', interrupt);
  if (hangup) process.on('SIGHUP', interrupt);
  return interrupted.signal;
}

/** On one line, and without the escape sequences that a file's name can hide. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, '?');

/** What is to be said of pictures that were left out, if any were. */
export const unread = ({ failed, firstFailure = '' }: Pick<Pictures, 'failed' | 'firstFailure'>): string =>
  failed > 0 ? `; ${failed} could not be read, ${printable(firstFailure)} the first` : '';

/** Whose arguments are wrong, such as `matvit search`. */
const misused = new WeakMap<CommanderError, string>();

/** Makes the command and those below it throw what is wrong with their arguments, for `report` to print. */
export function throwOnMisuse(command: Command, above = ''): void {
  const name = `${above}${command.name()}`;
  const fail = (error: CommanderError) => {
    misused.set(error, name);
    throw error;
  };
  command.exitOverride(fail).configureOutput({ outputError: () => undefined });
  if (command.commands.length > 0) addHelp(command);
  for (const below of command.commands) throwOnMisuse(below, `${name} `);
}

/** In place of commander's, which has nothing to say of a command that it does not know. */
function addHelp(command: Command): void {
  command
    .helpCommand(false)
    .command('help')
    .description('display help for command')
    .argument('[command...]')
    .action((names: string[]) => {
      const find = (from: Command, name: string) => {
        const found = from.commands.find(below => below.name() === name);
        if (found) return found;
        const known = from.commands.map(below => below.name());
        throw new MatvitError('OPTION_INVALID', `the command ${unknownName(name, known)}`);
      };
      names.reduce(find, command).help();
    });
}

/** Leaves out of the help of the command and those below it that a switch is off unless it is given. */
export function plainSwitches(command: Command): void {
  command.configureHelp({
    optionDescription: option => new Help().optionDescription(option).replace(/ \(default: false\)$/, ''),
  });
  command.commands.forEach(plainSwitches);
}

/** Prints what is wrong, for people, and goes on. */
export function warn(error: MatvitError): void {
  process.stderr.write(`matvit: ${printable(error.message)} [${error.code}]\n`);
}

/** Prints an error for people and sets the exit code. */
export function report(error: unknown): void {
  for (const bar of begun) bar.stop();
  begun.clear();
  process.exitCode = 1;
  if (error instanceof MatvitError) warn(error);
  else if (!(error instanceof CommanderError)) {
    warn(new MatvitError('INTERNAL', reasonOf(error)));
    if (error instanceof Error) process.stderr.write(`${error.stack}\n`);
  } else if (/^commander\.(help|version)/.test(error.code)) process.exitCode = error.exitCode;
  else {
    const reason = error.message
      .replace(/^error: /, '')
      .replaceAll('\n', ' ')
      .replace(/\.$/, '');
    report(new MatvitError('OPTION_INVALID', `${reason}; ${misused.get(error) ?? 'matvit'} --help explains`));
  }
}
