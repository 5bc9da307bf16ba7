/**
 * Damages every file of an index in every way, one at a time, and opens what comes of it: it must be refused with a
 * code, or give the results of the sound index.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { cpSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ImageIndex } from '../corpus/image-index.js';
import { Writer } from '../corpus/writer.js';
import type { ErrorCode } from '../errors.js';
import { makeTemporaryFolder } from '../temporary-folder.js';
import { random } from '../training/random.js';
import { ColourEncoder, colourModel, colourPicture } from './colours.js';

export interface Probe {
  readonly code?: ErrorCode;
  readonly unexpected?: string;
  readonly rebuilt?: boolean;
  /** what was found, and how near it is */
  readonly images?: string;
  readonly scores?: readonly number[];
}

export interface Damage {
  readonly file: string;
  readonly kind: string;
  readonly times: number;
  /** refused, by code */
  readonly refused: Readonly<Record<string, number>>;
  /** the graph was made again from the catalogue, and results were right */
  readonly rebuilt: number;
  /** the damage touched nothing that is used, and results were right */
  readonly harmless: number;
  /** wrong results, errors without a code, aborted processes: there must be none */
  readonly wrong: readonly string[];
}

const child = fileURLToPath(new URL('./corruption-child.js', import.meta.url));
const probes = 20;

export async function corruptionTest({
  pictures,
  flips,
  seed,
  onProgress,
}: {
  pictures: number;
  /** places in each file where one byte is changed */
  flips: number;
  seed: number;
  onProgress?: (done: number, note: string) => void;
}): Promise<Damage[]> {
  const temporary = await makeTemporaryFolder();
  const folder = temporary.path;
  const numbers = random(seed);
  const prober = new Prober();
  try {
    const queries = await makeIndex(join(folder, 'sound'), 1, pictures);
    await makeIndex(join(folder, 'other'), 1 + pictures, pictures);
    const sound = await prober.probe(join(folder, 'sound'), queries);
    const other = await prober.probe(join(folder, 'other'), queries);
    if (!sound.scores || !other.scores) throw new Error(JSON.stringify([sound, other]));
    const files = readdirSync(join(folder, 'sound')).sort();
    const others = new Map(readdirSync(join(folder, 'other')).map(name => [kindOf(name), name]));
    const report: Damage[] = [];
    let done = 0;

    const damage = async (file: string, kind: string, ways: ((path: string) => void)[]) => {
      const result = { file: kindOf(file), kind, times: ways.length, refused: {} as Record<string, number> };
      let [rebuilt, harmless] = [0, 0];
      const wrong: string[] = [];
      for (const [i, way] of ways.entries()) {
        const damaged = join(folder, 'damaged');
        cpSync(join(folder, 'sound'), damaged, { recursive: true });
        way(join(damaged, file));
        const probe = await prober.probe(damaged, queries);
        // a whole catalogue of another index is that other index
        const right = isSame(probe, sound) || (kind === 'swapped' && isSame(probe, other));
        if (probe.code) result.refused[probe.code] = (result.refused[probe.code] ?? 0) + 1;
        else if (probe.unexpected !== undefined) wrong.push(`${i}: ${probe.unexpected}`);
        else if (!right) wrong.push(`${i}: other results`);
        else if (probe.rebuilt) rebuilt++;
        else harmless++;
        rmSync(damaged, { recursive: true });
        onProgress?.(++done, `${kindOf(file)}, ${kind}`);
      }
      report.push({ ...result, rebuilt, harmless, wrong });
    };

    for (const file of files) {
      const whole = readFileSync(join(folder, 'sound', file));
      const swapped = readFileSync(join(folder, 'other', others.get(kindOf(file))!));
      await damage(file, 'removed', [path => rmSync(path)]);
      if (whole.length === 0) continue;
      const lengths = [0, 1, Math.floor(whole.length / 2), whole.length - 1];
      await damage(
        file,
        'truncated',
        lengths.map(length => path => truncateSync(path, length)),
      );
      const flipped = (besides?: (manifest: string) => void) =>
        Array.from({ length: flips }, () => {
          const place = numbers.below(whole.length);
          const change = 1 + numbers.below(255);
          return (path: string) => {
            const bytes = Buffer.from(whole);
            bytes[place] = bytes[place]! ^ change;
            writeFileSync(path, bytes);
            besides?.(join(path, '../manifest.json'));
          };
        });
      await damage(file, 'a byte changed', flipped());
      if (file === 'catalogue.sqlite')
        await damage(
          file,
          'a byte changed, graph removed',
          flipped(manifest => rmSync(manifest)),
        );
      await damage(file, 'swapped', [path => writeFileSync(path, swapped)]);
      if (!file.endsWith('.hnsw')) continue;
      const header = Buffer.from(whole);
      header.writeBigUInt64LE(1n, 8);
      await damage(file, 'max_elements = 1', [path => writeFileSync(path, header)]);
    }
    return report;
  } finally {
    prober.end();
    await temporary.remove();
  }
}

/** hnswlib and the exact scan add the same products up in different orders. */
const isSame = (a: Probe, b: Probe): boolean =>
  a.images === b.images && (a.scores ?? []).every((score, i) => Math.abs(score - b.scores![i]!) < 1e-5);

/** The graph's name without its checksum. */
const kindOf = (name: string) => name.replace(/^graph-.*\.hnsw$/, 'graph.hnsw');

/** @returns queries: vectors of some of the pictures */
async function makeIndex(folder: string, firstContent: number, pictures: number): Promise<number[][]> {
  const index = await ImageIndex.openForWriting(folder, colourModel);
  const writer = new Writer(index, new ColourEncoder());
  const contents = Array.from({ length: pictures }, (_, i) => firstContent + i);
  await Promise.all(
    contents.map(async content =>
      writer.add({ picture: await colourPicture(content), path: `${content}.png`, metadata: { content } }),
    ),
  );
  await writer.delete(1);
  await index.save();
  const images = index.catalogue.images().filter((_, i) => i % Math.ceil(pictures / probes) === 0);
  const queries = images.map(image => [...index.catalogue.embedding(image)]);
  await index.close();
  return queries;
}

/** Damage may end the process that meets it, so that is another one. */
class Prober {
  private process: ChildProcess | undefined;

  async probe(folder: string, queries: number[][]): Promise<Probe> {
    const running = (this.process ??= fork(child));
    running.send({ folder, queries });
    const answer = await new Promise<Probe>(resolve => {
      const ended = (code: number | null, signal: string | null) =>
        resolve({ unexpected: `the process ended with ${code ?? signal}` });
      running.once('exit', ended).once('message', message => {
        running.off('exit', ended);
        resolve(message as Probe);
      });
    });
    if (running.exitCode !== null || running.signalCode !== null) this.process = undefined;
    return answer;
  }

  end(): void {
    this.process?.kill();
  }
}
