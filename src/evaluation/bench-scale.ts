/** An index of many synthetic vectors: building, opening, memory, and searching while it changes. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { NewImage } from '../catalogue/changes.js';
import { ImageIndex } from '../corpus/image-index.js';
import { HnswIndex } from '../index/hnsw.js';
import { type Random, random } from '../training/random.js';
import { median, quantile } from '../statistics.js';
import { makeTemporaryFolder } from '../temporary-folder.js';

export interface ScaleBench {
  readonly vectors: number;
  readonly dimension: number;
  /** seconds to commit all of them, and until the graph had them */
  readonly commitSeconds: number;
  readonly graphSeconds: number;
  /** median seconds to open the index, files in the page cache, and memory that it takes */
  readonly openSeconds: number;
  readonly memoryBytesEach: number;
  readonly diskBytesEach: number;
  /** a graph in one thread, and the same vectors in two graphs of two threads: seconds to build, ms to search */
  readonly oneThread: Threads;
  readonly twoThreads: Threads;
  /** milliseconds of a search, at rest and while the index changes: medians over rounds */
  readonly idle: Latency;
  readonly changing: Latency;
  readonly p99Ratio: number;
  /** changes a second that were reached, and searches and changes that failed */
  readonly addedPerSecond: number;
  readonly removedPerSecond: number;
  readonly errors: number;
}

interface Threads {
  readonly buildSeconds: number;
  /** of all threads together */
  readonly searchMs: number;
}

interface Latency {
  readonly p50: number;
  readonly p99: number;
}

const fingerprint = 'synthetic'.padEnd(64, '0');
const clusters = 1000;

/** Unit vectors around centres, as embeddings of pictures are. */
class Vectors {
  private readonly random: Random;
  private readonly centres: Float32Array[];

  constructor(
    private readonly dimension: number,
    seed: number,
  ) {
    this.random = random(seed);
    this.centres = Array.from({ length: clusters }, () => this.noise());
  }

  next(): Float32Array {
    const centre = this.centres[this.random.below(clusters)]!;
    const vector = this.noise().map((x, i) => centre[i]! + 0.7 * x);
    const length = Math.hypot(...vector);
    return vector.map(x => x / length);
  }

  private noise = () => Float32Array.from({ length: this.dimension }, () => this.random.normal());
}

export async function benchScale({
  vectors: count,
  dimension,
  seconds,
  rounds,
  onProgress,
}: {
  vectors: number;
  dimension: number;
  /** of each measurement of searches */
  seconds: number;
  rounds: number;
  onProgress?: (done: number, total: number, note: string) => void;
}): Promise<ScaleBench> {
  const temporary = await makeTemporaryFolder();
  const folder = temporary.path;
  const source = new Vectors(dimension, 1);
  let made = 0;
  const image = (): NewImage => {
    const n = ++made;
    const content = { path: `${n}.jpg`, sha256: n.toString(16).padStart(64, '0'), size: n, mtime: n };
    return { ...content, metadata: { n }, embedding: source.next() };
  };
  try {
    const index = await ImageIndex.openForWriting(folder, { fingerprint, dimension });
    try {
      let began = performance.now();
      let commitSeconds = 0;
      for (let done = 0; done < count; done += 1000) {
        const put = Array.from({ length: Math.min(1000, count - done) }, image);
        const before = performance.now();
        await index.commit({ put });
        commitSeconds += (performance.now() - before) / 1000;
        onProgress?.(done, count, 'committing');
      }
      onProgress?.(count, count, 'building');
      began = performance.now();
      await index.save();
      const graphSeconds = commitSeconds + (performance.now() - began) / 1000;
      const diskBytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
      const opened = [];
      for (let i = 0; i < 3; i++) opened.push(await open(folder, dimension));

      const ids = index.catalogue.images().map(({ id }) => id);
      const needed = 10 * seconds * rounds + rounds;
      const victims = ids.filter((_, i) => i % Math.max(1, Math.floor(ids.length / needed)) === 0);
      const idle: Latency[] = [];
      const changing: (Latency & Changes)[] = [];
      let errors = 0;
      const searches = async (until: { done: boolean }) => {
        const times: number[] = [];
        while (!until.done) {
          const query = source.next();
          const before = performance.now();
          try {
            await index.search(query, { k: 10 });
            times.push(performance.now() - before);
          } catch {
            errors++;
          }
          await sleep(5);
        }
        return { p50: median(times), p99: quantile(times, 0.99) };
      };
      for (let round = 0; round < rounds; round++) {
        onProgress?.(round, rounds, 'searching');
        const until = { done: false };
        const rest = searches(until);
        await sleep(1000 * seconds);
        until.done = true;
        idle.push(await rest);
        const change = { done: false };
        const busy = searches(change);
        const changes = await changeAtRate(index, image, () => victims.pop()!, seconds);
        change.done = true;
        errors += changes.errors;
        changing.push({ ...(await busy), ...changes });
      }
      const middle = (values: readonly Latency[]) => ({
        p50: median(values.map(({ p50 }) => p50)),
        p99: median(values.map(({ p99 }) => p99)),
      });
      return {
        ...{ vectors: count, dimension, commitSeconds, graphSeconds },
        openSeconds: median(opened.map(({ milliseconds }) => milliseconds)) / 1000,
        memoryBytesEach: median(opened.map(({ bytes }) => bytes)) / count,
        diskBytesEach: diskBytes / count,
        ...(await threads(source, dimension, Math.min(count, 20_000))),
        ...{ idle: middle(idle), changing: middle(changing) },
        p99Ratio: median(changing.map(({ p99 }, i) => p99 / idle[i]!.p99)),
        addedPerSecond: median(changing.map(({ added }) => added / seconds)),
        removedPerSecond: median(changing.map(({ removed }) => removed / seconds)),
        errors,
      };
    } finally {
      await index.close();
    }
  } finally {
    await temporary.remove();
  }
}

interface Changes {
  readonly added: number;
  readonly removed: number;
  readonly errors: number;
}

/**
 * Adds 100 pictures and removes 10 a second, each in a transaction of its own.
 * @param victim the id of one that is there
 */
async function changeAtRate(
  index: ImageIndex,
  image: () => NewImage,
  victim: () => number,
  seconds: number,
): Promise<Changes> {
  const began = performance.now();
  let [added, removed, errors] = [0, 0, 0];
  while (performance.now() - began < 1000 * seconds) {
    try {
      await index.commit({ put: [image()] });
      if (++added % 10 === 0) {
        await index.commit({ remove: [victim()], prune: 'touched' });
        removed++;
      }
    } catch {
      errors++;
    }
    const due = began + 10 * added;
    await sleep(Math.max(0, due - performance.now()));
  }
  return { added, removed, errors };
}

async function open(folder: string, dimension: number): Promise<{ milliseconds: number; bytes: number }> {
  const script = fileURLToPath(new URL('./scale-child.js', import.meta.url));
  const child = fork(script, [folder, fingerprint, `${dimension}`]);
  const [answer] = (await once(child, 'message')) as [{ milliseconds: number; bytes: number }];
  await once(child, 'exit');
  return answer;
}

/** Whether building on all cores would pay: the same vectors in one graph, and shared out between two. */
async function threads(source: Vectors, dimension: number, count: number) {
  const rows = Array.from({ length: count }, () => source.next());
  const measure = async (parts: number): Promise<Threads> => {
    const graphs = await Promise.all(Array.from({ length: parts }, () => HnswIndex.create(dimension)));
    const began = performance.now();
    await Promise.all(
      graphs.map(async (graph, part) => {
        for (let at = part; at < count; at += 500 * parts) {
          const ids = Array.from({ length: 500 }, (_, i) => at + i * parts).filter(i => i < count);
          const flat = new Float32Array(ids.length * dimension);
          ids.forEach((id, i) => flat.set(rows[id]!, i * dimension));
          await graph.upsert(
            ids.map(id => id + 1),
            flat,
          );
        }
      }),
    );
    const buildSeconds = (performance.now() - began) / 1000;
    const times: number[] = [];
    for (let i = 0; i < 500; i++) {
      const query = source.next();
      const before = performance.now();
      for (const graph of graphs) await graph.search(query, 10);
      times.push(performance.now() - before);
    }
    await Promise.all(graphs.map(graph => graph.close()));
    return { buildSeconds, searchMs: median(times) };
  };
  return { oneThread: await measure(1), twoThreads: await measure(2) };
}
