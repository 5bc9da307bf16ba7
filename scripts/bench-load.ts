import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { MatvitError } from '../src/errors.js';
import {
  type Load,
  type LoadRow,
  capacityOf,
  counted,
  k,
  pooled,
  references,
  rowOf,
  saturating,
  traces,
} from '../src/evaluation/load/bench-load.js';
import type { LoadPicture } from '../src/evaluation/load/pictures.js';
import type { LoadResult } from '../src/evaluation/load/plan.js';
import { plot } from '../src/evaluation/load/plot.js';
import { LoadRig } from '../src/evaluation/load/rig.js';
import { slicesOf } from '../src/evaluation/load/traces.js';
import { writeFileAtomic } from '../src/model/write-file-atomic.js';
import {
  demoIndexOption,
  jsonOption,
  modelOption,
  positiveInteger,
  positiveNumber,
  progress,
  wholeNumber,
} from './cli.js';
import { picturesOf } from './bench-budget.js';
import { print } from './output.js';

const defaultLoads = 'poisson-0.5,poisson-1,poisson-2,poisson-3,bursty-0.5,bursty-1';
const document = 'docs/adaptive.md';
const figure = 'adaptive-load.svg';
const marks = ['<!-- matvit bench load -->', '<!-- end -->'] as const;

interface Options {
  index: string;
  model: string;
  loads: Load[];
  budget: number;
  seconds: number;
  rounds: number;
  leadIn: number;
  rest: number;
  also?: string[];
  capacity?: number;
  seed: number;
  save?: string;
  docs: boolean;
  json: boolean;
}

function parseLoads(text: string): Load[] {
  return text.split(',').map(name => {
    const match = /^(poisson|bursty)-(\d+(?:\.\d+)?)$/.exec(name);
    if (!match || Number(match[2]) <= 0) throw new MatvitError('OPTION_INVALID', `'${name}' is not like poisson-0.5`);
    return { trace: match[1] as Load['trace'], times: Number(match[2]) };
  });
}

/** @param onLoad called with all rows so far whenever a load is done */
async function measure(
  options: Options,
  pictures: readonly LoadPicture[],
  onLoad: (rows: readonly LoadRow[]) => Promise<void>,
): Promise<LoadRow[]> {
  const { budget: budgetMs, seconds, rounds, seed } = options;
  const leadInMs = 1000 * options.leadIn;
  const rows: LoadRow[] = [];
  const bytes = pictures.map(picture => picture.bytes);
  const bar = progress('load');
  const server = ['--index', options.index, '--model', options.model];
  try {
    const { points, full, reference, capacity } = await LoadRig.use(server, async rig => {
      const points = await rig.points();
      const full = points.at(-1)!;
      const reference = await references(rig, pictures, full);
      return { points, full, reference, capacity: options.capacity ?? (await capacityOf(rig, pictures, full, 4000)) };
    });
    const cheapest = points[0]!;
    const fixed = [full, ...(options.also ?? []), points[Math.floor(points.length / 2)]!, cheapest];
    const policies = [{ policy: 'adaptive', at: '' }, ...fixed.map(at => ({ policy: `fixed ${at}`, at: `&at=${at}` }))];
    for (const [i, load] of options.loads.entries()) {
      const mean = load.times * capacity;
      const arrivals = traces[load.trace](mean, Math.round(mean * seconds), seed);
      const rate = arrivals.length / seconds;
      const slices = slicesOf(arrivals, 1000 * seconds, rounds, leadInMs);
      // a server each, warmed alike: one that has answered thousands is faster by what V8 has compiled
      const results = await LoadRig.useSeveral(server, policies.length, async rigs => {
        for (const rig of rigs) {
          const arrivals = { inFlight: saturating, ms: 4000 };
          await rig.runInTurn({ query: `k=${k}&at=${cheapest}`, pictures: bytes, arrivals });
        }
        // the planner reckons with the burst that this was to it until it has faded (arrival-rate.ts)
        await sleep(1000 * options.rest);
        const results: LoadResult[][] = policies.map(() => []);
        // slice by slice in turn, since the machine is another one in a minute
        for (const [r, { arrivals, leadIn }] of slices.entries())
          for (const n of policies.keys()) {
            const p = (n + r) % policies.length;
            const query = `k=${k}&budgetMs=${budgetMs}${policies[p]!.at}`;
            const result = await rigs[p]!.runInTurn({ query, pictures: bytes, arrivals });
            results[p]!.push(counted(result, leadIn, leadInMs));
            const done = (i * slices.length + r) * policies.length + n + 1;
            const total = options.loads.length * slices.length * policies.length;
            bar.update(done, total, `${load.trace} ${load.times}, ${policies[p]!.policy}`);
          }
        return results;
      });
      for (const [p, { policy }] of policies.entries())
        rows.push(rowOf(pooled(results[p]!), { load, policy, budgetMs, rate, pictures, reference }));
      await onLoad(rows);
    }
  } finally {
    bar.stop();
  }
  return rows;
}

function table(rows: readonly LoadRow[]): string {
  const lines = rows.map(row => {
    const share = [row.attainment, row.fidelity].map(x => x?.toFixed(4) ?? '–');
    const times = [row.p50, row.p95, row.p99].map(ms => ms?.toFixed(1) ?? '–');
    const error = row.encodeError === null ? '–' : `${(100 * row.encodeError).toFixed(0)}%`;
    const rest = [row.throughput.toFixed(0), error, row.generatorCpu.toFixed(2)];
    return `| ${[row.trace, row.times, row.rate.toFixed(0), row.policy, ...share, ...times, ...rest].join(' | ')} |`;
  });
  return [
    '| trace | x capacity | requests/s | policy | attainment | fidelity | p50 | p95 | p99 | answers/s | encode error | generator, cores |',
    `|${'---|'.repeat(12)}`,
    ...lines,
  ].join('\n');
}

async function rowsIn(file: string): Promise<LoadRow[]> {
  let rows: unknown;
  try {
    rows = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
  }
  if (Array.isArray(rows)) return rows as LoadRow[];
  throw new MatvitError('OPTION_INVALID', `${file} holds no rows of an earlier run; --save made none of it`);
}

/** Rows of the same load, with the same budget, are replaced. */
function merge(before: readonly LoadRow[], rows: readonly LoadRow[]): LoadRow[] {
  const key = ({ trace, times, budgetMs }: LoadRow) => `${trace} ${times} ${budgetMs}`;
  const fresh = new Set(rows.map(key));
  return [...before.filter(row => !fresh.has(key(row))), ...rows];
}

/** The document, and where its table begins and ends. */
async function placeInDocs(): Promise<{ text: string; from: number; to: number }> {
  const text = await readFile(document, 'utf8').catch(() => '');
  const [from, to] = [text.indexOf(marks[0]), text.indexOf(marks[1])];
  if (from < 0 || to < from) throw new MatvitError('OPTION_INVALID', `${document} has no place for the table`);
  return { text, from, to };
}

/** @param rows of one budget */
async function writeDocs(rows: readonly LoadRow[]): Promise<void> {
  const { text, from, to } = await placeInDocs();
  const section = `${marks[0]}\n\n![attainment and fidelity against load](${figure})\n\n${table(rows)}\n\n`;
  await writeFileAtomic(document, text.slice(0, from) + section + text.slice(to));
  await writeFileAtomic(`docs/${figure}`, plot(rows));
}

export const benchLoadCommand = new Command('load')
  .description('policies in turn on the same traces of requests, against a real `matvit serve` with a latency budget')
  .addOption(demoIndexOption())
  .addOption(
    new Option('--loads <list>', 'trace-multiple of capacity, separated by commas')
      .argParser(parseLoads)
      .default(parseLoads(defaultLoads), defaultLoads),
  )
  .option('--budget <ms>', 'latency budget of each request', positiveNumber, 50)
  .option('--seconds <n>', 'length of each trace', positiveInteger, 20)
  .option('--rounds <n>', 'parts of a trace, in each of which the policies take turns', positiveInteger, 4)
  .option('--lead-in <n>', 'seconds of the trace before each part that are sent first and not counted', wholeNumber, 3)
  .option(
    '--rest <n>',
    'seconds between warming the servers up with all the load there can be and a trace',
    wholeNumber,
    60,
  )
  .option('--also <points>', 'more points, each always, separated by commas', text => text.split(','))
  .option('--capacity <n>', 'requests/s that the full model answers (default: measured first)', positiveInteger)
  .option('--seed <n>', 'of the traces', positiveInteger, 1)
  .option('--save <file>', 'add the rows to those of earlier runs in a JSON file')
  .option('--docs', 'write all rows into docs/adaptive.md, and the plot', false)
  .addOption(modelOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
Policies in turn, each with a server of its own: adaptive; always the full model; always the frontier's middle; always
its cheapest point; and what --also names. The generator is a process of its own that does not wait for answers. Everything stays on 127.0.0.1.

Examples:
  $ matvit bench load --loads poisson-1,bursty-1 --seconds 10
  $ matvit bench load --save load.json --docs`,
  )
  .action(async (options: Options) => {
    const { save, docs } = options;
    if (docs) await placeInDocs(); // or all that was measured would be in vain
    const pictures = await picturesOf(options);
    const earlier = save === undefined ? [] : await rowsIn(save);
    // after every load: hours of measuring are not lost with the last minute
    const rows = await measure(options, pictures, async rows => {
      if (save !== undefined) await writeFileAtomic(save, JSON.stringify(merge(earlier, rows)) + '\n');
    });
    const all = merge(earlier, rows);
    if (docs) await writeDocs(all.filter(({ budgetMs }) => budgetMs === options.budget));
    print({ rows }, options.json, () => table(rows));
  });
