/**
 * The load generator: a process of its own, forked by run-load.ts, which sends requests at their times whether or not
 * earlier ones have been answered (open loop). It talks to nobody but the address it is given.
 */
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SearchAnswer } from '../../search/searcher.js';
import type { LoadPlan, LoadResult, Sample } from './plan.js';

const agent = new Agent({ keepAlive: true, maxSockets: Infinity, noDelay: true });

function send({ url, query, pictures, patienceMs }: LoadPlan, i: number, lateMs: number): Promise<Sample> {
  const picture = i % pictures.length;
  const path = `/v1/search?${query}`;
  return new Promise(resolve => {
    let sent = performance.now();
    const none = () => resolve({ picture, ms: performance.now() - sent, status: 0, lateMs });
    const request = httpRequest(url + path, { method: 'POST', agent, timeout: patienceMs }, response => {
      const ms = performance.now() - sent;
      const status = response.statusCode ?? 0;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', none);
      response.on('end', () => {
        if (status !== 200) return resolve({ picture, ms, status, lateMs });
        const { hits, cost } = JSON.parse(Buffer.concat(chunks).toString()) as SearchAnswer;
        const answer = {
          ids: hits.map(({ id }) => id),
          at: cost.at,
          predictedEncodeMs: cost.predictedMs.encode,
          encodeMs: cost.ms.encode,
        };
        resolve({ picture, ms, status, lateMs, answer });
      });
    });
    request.on('timeout', () => request.destroy());
    request.on('error', none);
    request.on('finish', () => (sent = performance.now()));
    request.end(pictures[picture]);
  });
}

async function run(plan: LoadPlan): Promise<LoadResult> {
  const began = performance.now();
  const cpu = process.cpuUsage();
  const { arrivals } = plan;
  let samples: Sample[];
  if ('inFlight' in arrivals) {
    samples = [];
    let next = 0;
    const stream = async () => {
      while (performance.now() - began < arrivals.ms) samples.push(await send(plan, next++, 0));
    };
    await Promise.all(Array.from({ length: arrivals.inFlight }, stream));
  } else {
    const asked: Promise<Sample>[] = [];
    for (const [i, at] of arrivals.entries()) {
      const early = at - (performance.now() - began);
      if (early > 1) await sleep(early);
      asked.push(send(plan, i, Math.max(0, performance.now() - began - at)));
    }
    samples = await Promise.all(asked);
  }
  const { user, system } = process.cpuUsage(cpu);
  const ms = performance.now() - began;
  return { samples, ms, cpu: (user + system) / 1000 / ms };
}

process.on('message', (plan: LoadPlan) => {
  void run(plan).then(result => process.send!(result));
});
process.on('disconnect', () => process.exit());
