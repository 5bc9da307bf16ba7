/**
 * Kills a process that changes an index, at a random moment, again and again. After each kill the index is opened as
 * anybody would open it, and must hold what was acknowledged: no more, no less. A change that was under way may have
 * happened or not.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ImageIndex } from '../corpus/image-index.js';
import { reasonOf } from '../errors.js';
import { decode } from '../image/decode.js';
import { fullPoint } from '../model/operating-point.js';
import { makeTemporaryFolder } from '../temporary-folder.js';
import { random } from '../training/random.js';
import { ColourEncoder, colourModel, colourPicture } from './colours.js';

/** A line of the child's: what it is about to do, or has done. */
export interface Report {
  readonly ready?: true;
  readonly begin?: number;
  readonly done?: number;
  /** the picture with this number is at this path afterwards */
  readonly put?: readonly (readonly [path: string, content: number])[];
  readonly remove?: readonly string[];
}

export interface CrashReport {
  readonly kills: number;
  /** kills after which everything was as it should */
  readonly sound: number;
  /** changes that were acknowledged before the kills */
  readonly acknowledged: number;
  /** changes that the kills cut off */
  readonly interrupted: number;
  /** kills after which the graph had to be made again */
  readonly rebuilt: number;
  readonly pictures: number;
  readonly problems: readonly string[];
}

const child = fileURLToPath(new URL('./crash-child.js', import.meta.url));
/** Seconds that opening the index and searching it may take. */
const patience = 60;

export async function crashTest({
  kills,
  seed,
  onProgress,
}: {
  kills: number;
  seed: number;
  onProgress?: (done: number, total: number, note: string) => void;
}): Promise<CrashReport> {
  const temporary = await makeTemporaryFolder();
  const folder = temporary.path;
  const numbers = random(seed);
  const state = new Expected();
  const problems: string[] = [];
  let [sound, acknowledged, interrupted, rebuilt] = [0, 0, 0, 0];
  try {
    for (let kill = 1; kill <= kills; kill++) {
      const early = numbers.next() < 0.1; // perhaps while it opens the index
      const reports = await runAndKill([join(folder, 'index'), join(folder, 'corpus'), `${1000 * seed + kill}`], {
        early,
        milliseconds: early ? numbers.below(600) : numbers.below(700),
      });
      const done = new Set(reports.map(report => report.done));
      const changes = reports.filter(report => report.begin !== undefined);
      for (const change of changes) {
        if (done.has(change.begin)) acknowledged++;
        else interrupted++;
        state.apply(change, done.has(change.begin));
      }
      const late = sleep(1000 * patience, undefined, { ref: false }).then(() => {
        throw new Error(`the index was not open and searched within ${patience} s`);
      });
      const verified = Promise.race([state.verify(join(folder, 'index')), late]);
      const found = await verified.catch((error: unknown) => ({ problems: [reasonOf(error)], rebuilt: false }));
      problems.push(...found.problems.map(problem => `kill ${kill}: ${problem}`));
      if (found.problems.length === 0) sound++;
      if (found.rebuilt) rebuilt++;
      onProgress?.(kill, kills, `${sound} sound`);
    }
    return { kills, sound, acknowledged, interrupted, rebuilt, pictures: state.size, problems };
  } finally {
    await temporary.remove();
  }
}

/** @returns what the child said */
async function runAndKill(
  args: readonly string[],
  { early, milliseconds }: { early: boolean; milliseconds: number },
): Promise<Report[]> {
  const running = spawn(process.execPath, [child, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  running.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const closed = once(running, 'close');
  if (!early) await Promise.race([once(running.stdout, 'data'), closed]);
  await Promise.race([sleep(milliseconds), closed]);
  running.kill('SIGKILL');
  const [code] = (await closed) as [number | null];
  if (code !== null) throw new Error(`the process ended by itself, with code ${code}`);
  const lines = output.split('\n').slice(0, -1); // what follows the last end of line was cut off
  return lines.map(line => JSON.parse(line) as Report);
}

/** What the index must hold. */
class Expected {
  private readonly pictures = new Map<string, number>();
  /** by path: what may be there besides; undefined for nothing */
  private readonly open = new Map<string, Set<number | undefined>>();
  private readonly encoder = new ColourEncoder();
  private readonly known = new Map<number, { sha256: string; vector: Float32Array }>();

  get size(): number {
    return this.pictures.size;
  }

  apply({ put = [], remove = [] }: Report, done: boolean): void {
    const changes = [...put, ...remove.map(path => [path, undefined] as const)];
    for (const [path, content] of changes) {
      const before = this.pictures.get(path);
      const open = this.open.get(path);
      if (!done) this.open.set(path, (open ?? new Set()).add(content).add(before));
      else {
        open?.add(content);
        this.set(path, content);
      }
    }
  }

  async verify(folder: string): Promise<{ problems: string[]; rebuilt: boolean }> {
    const problems: string[] = [];
    const index = await ImageIndex.openForWriting(folder, colourModel);
    try {
      const there = new Map(index.catalogue.images().map(image => [image.path, image.sha256]));
      for (const [path, contents] of this.open) {
        const sha256 = there.get(path);
        for (const content of contents)
          if (content === undefined ? sha256 === undefined : (await this.picture(content)).sha256 === sha256)
            this.set(path, content);
      }
      this.open.clear();
      for (const [path, content] of this.pictures) {
        const { sha256, vector } = await this.picture(content);
        if (there.get(path) !== sha256) problems.push(`${path} is ${there.has(path) ? 'another picture' : 'lost'}`);
        else if (!(await paths(index, vector)).includes(path)) problems.push(`${path} is not found`);
      }
      for (const path of there.keys()) if (!this.pictures.has(path)) problems.push(`${path} should not be there`);
      return { problems, rebuilt: index.rebuilt !== undefined };
    } finally {
      await index.close();
    }
  }

  private set(path: string, content: number | undefined): void {
    if (content === undefined) this.pictures.delete(path);
    else this.pictures.set(path, content);
  }

  private async picture(content: number): Promise<{ sha256: string; vector: Float32Array }> {
    const known = this.known.get(content);
    if (known) return known;
    const bytes = await colourPicture(content);
    const point = fullPoint(this.encoder.architecture);
    const { vectors } = await this.encoder.embed(await decode(bytes, point.resolution), point);
    const made = { sha256: createHash('sha256').update(bytes).digest('hex'), vector: vectors };
    this.known.set(content, made);
    return made;
  }
}

const paths = async (index: ImageIndex, vector: Float32Array) =>
  (await index.search(vector, { k: 3 })).hits.map(({ image }) => image.path);
