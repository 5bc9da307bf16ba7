/** How many searches by a stored picture, which need no encoding, a real `matvit serve` answers in a second. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ImageIndex } from '../../corpus/image-index.js';
import type { Searcher } from '../../search/searcher.js';
import { askChild } from '../ask-child.js';
import type { ServeProcess } from '../serve-process.js';
import { median, quantile } from '../../statistics.js';
import type { ThroughputPlan, ThroughputSamples } from './generator.js';

const generator = fileURLToPath(new URL('./generator.js', import.meta.url));
const k = 10;

export interface ThroughputRow {
  readonly connections: number;
  readonly requests: number;
  readonly failures: number;
  /** answers a second */
  readonly rate: number;
  /** milliseconds at the client */
  readonly p50: number;
  readonly p99: number;
  /** CPU of the server for one request, all its threads, milliseconds */
  readonly serverCpuMs: number;
  /** share of one core that the generator took */
  readonly generatorCpu: number;
}

export interface ThroughputBench {
  readonly rows: readonly ThroughputRow[];
  /** of the same searches without a service, milliseconds */
  readonly searchMs: number;
  /** what one request costs beyond that when nothing else is under way: HTTP, express, validation, logging, loopback */
  readonly overheadMs: number;
}

export interface ThroughputOptions {
  /** each a row; 1 goes first */
  readonly connections: readonly number[];
  readonly ms: number;
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

/** @param searcher over the same index as the server's */
export async function benchThroughput(
  server: ServeProcess,
  searcher: Searcher<ImageIndex>,
  { connections, ms, onProgress }: ThroughputOptions,
): Promise<ThroughputBench> {
  const ids = searcher.index.catalogue.images().map(({ id }) => id);
  const bodies = ids.map(id => JSON.stringify({ like: [{ id }], k }));
  const child = fork(generator, { serialization: 'advanced' });
  try {
    const generate = (plan: Omit<ThroughputPlan, 'url' | 'bodies'>) =>
      askChild<ThroughputSamples>(child, { ...plan, url: server.url, bodies });
    await generate({ connections: 8, ms: ms / 4 }); // to warm up
    const rows: ThroughputRow[] = [];
    const counts = [1, ...connections.filter(count => count !== 1)];
    for (const [i, count] of counts.entries()) {
      onProgress?.(i, counts.length + 1, `${count} connections`);
      const cpu = server.cpuMs();
      const samples = await generate({ connections: count, ms });
      rows.push(rowOf(count, samples, server.cpuMs() - cpu));
    }
    onProgress?.(counts.length, counts.length + 1, 'search alone');
    const searchMs = await searchAlone(searcher, ids, ms);
    return { rows, searchMs, overheadMs: rows[0]!.p50 - searchMs };
  } finally {
    child.kill();
  }
}

function rowOf(connections: number, samples: ThroughputSamples, serverCpuMs: number): ThroughputRow {
  const { failures, ms, cpuMs } = samples;
  const times = [...samples.times];
  return {
    ...{ connections, requests: times.length, failures, rate: (1000 * (times.length - failures)) / ms },
    ...{ p50: median(times), p99: quantile(times, 0.99) },
    ...{ serverCpuMs: serverCpuMs / times.length, generatorCpu: cpuMs / ms },
  };
}

async function searchAlone(searcher: Searcher<ImageIndex>, ids: readonly number[], ms: number): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + ms;
  for (let i = 0; performance.now() < end; i++) {
    const began = performance.now();
    const image = (await searcher.index.image(ids[i % ids.length]!))!;
    const vector = await searcher.index.embedding(image);
    await searcher.searchLike([{ of: { vector }, weight: 1 }], { k });
    times.push(performance.now() - began);
  }
  return median(times);
}
