import { availableParallelism, cpus } from 'node:os';
import { Command, Option } from 'commander';
import { isPostgres } from '../src/catalogue/postgres.js';
import { ImageIndex } from '../src/corpus/image-index.js';
import { PostgresIndex } from '../src/corpus/postgres-index.js';
import { scanPictures } from '../src/corpus/scan.js';
import { createEncoder } from '../src/encoder/engine.js';
import { MatvitError } from '../src/errors.js';
import { type EncoderTiming, benchEncoder } from '../src/evaluation/bench-encoder.js';
import { type FilterTiming, benchFilters } from '../src/evaluation/bench-filters.js';
import { type IndexTiming, benchIndex } from '../src/evaluation/bench-index.js';
import { type SearchBench, benchSearch } from '../src/evaluation/bench-search.js';
import { type TrainTiming, benchTrain } from '../src/evaluation/bench-train.js';
import { readModel } from '../src/model/bundle.js';
import { writeFileAtomic } from '../src/model/write-file-atomic.js';
import { makeTemporaryFolder } from '../src/temporary-folder.js';
import { benchAbuseCommand } from './bench-abuse.js';
import { benchBudgetCommand } from './bench-budget.js';
import { benchEscalationCommand } from './bench-escalation.js';
import { benchLoadCommand } from './bench-load.js';
import { benchSwapCommand } from './bench-swap.js';
import { benchThroughputCommand } from './bench-throughput.js';
import { storageBenches } from './bench-storage.js';
import { demoIndex, demoIndexOption, indexData, jsonOption, modelOption, positiveInteger, progress } from './cli.js';
import { openSearcher } from './open-searcher.js';
import { print, withExample } from './output.js';

const resolutions = [224, 160, 112];
const searchPoints = ['XL@224:fp32', 'XL@160:fp32', 'M@160:int8', 'XL@112:fp32', 'S@112:fp32', 'S@112:int8'];
const trainPoints = ['XL@112', 'S@112', 'XL@224', 'S@224'];
const demoPictures = `${indexData}demo-pictures`;

async function encoderBench(model: string, rounds: number): Promise<{ points: EncoderTiming[] }> {
  const { checkpoint } = await readModel(model);
  const bar = progress('encoder');
  const points = await benchEncoder(checkpoint, { rounds, resolutions, onProgress: bar.update });
  bar.stop();
  return { points };
}

async function indexBench(model: string, images: string, rounds: number): Promise<IndexTiming> {
  const { checkpoint } = await readModel(model);
  const { files } = await scanPictures(images);
  const encoder = await createEncoder(checkpoint);
  const bar = progress('index');
  try {
    return await benchIndex(
      encoder,
      images,
      files.map(file => file.path),
      { rounds, onProgress: bar.update },
    );
  } finally {
    bar.stop();
    await encoder.close();
  }
}

async function searchBench(model: string, index: string, queries: number): Promise<SearchBench> {
  const searcher = await openSearcher({ index, model, workers: 1 });
  const bar = progress('search');
  try {
    return await benchSearch(searcher, { points: searchPoints, queries, onProgress: bar.update });
  } finally {
    bar.stop();
    await searcher.close();
  }
}

async function trainBench(model: string, rounds: number): Promise<{ points: TrainTiming[] }> {
  const { checkpoint } = await readModel(model);
  const bar = progress('train');
  const points = await benchTrain(checkpoint, {
    points: trainPoints,
    rounds,
    cores: availableParallelism(),
    onProgress: bar.update,
  });
  bar.stop();
  return { points };
}

async function filtersBench(pictures: number, dimension: number, at?: string): Promise<{ filters: FilterTiming[] }> {
  const model = { fingerprint: 'synthetic', dimension };
  if (at !== undefined && !isPostgres(at)) throw new MatvitError('OPTION_INVALID', `'${at}' is not postgres://…`);
  const temporary = await makeTemporaryFolder();
  const bar = progress('filters');
  try {
    const index = await (at === undefined
      ? ImageIndex.openForWriting(temporary.path, model)
      : PostgresIndex.openForWriting(at, model));
    const filters = benchFilters(index, dimension, pictures, { onProgress: bar.update });
    return { filters: await filters.finally(() => index.close()) };
  } finally {
    bar.stop();
    await temporary.remove();
  }
}

function encoderTable({ points }: { points: readonly EncoderTiming[] }): string {
  const rows = points.map(
    p =>
      `| ${p.at} | ${p.ms.toFixed(2)} | ${p.staticMs.toFixed(2)} | ${p.ratioToStatic.toFixed(3)} | ${p.ratioToXL224.toFixed(3)} |`,
  );
  const head =
    '| operating point | ms | static graph, ms | universal / static | of XL@224:fp32 |\n|---|---|---|---|---|';
  return [head, ...rows].join('\n');
}

function indexTable(t: IndexTiming): string {
  return `| ${t.pictures} pictures | pictures/s |
|---|---|
| decoding alone | ${t.decodeOnly.toFixed(0)} |
| encoding alone, XL@224:fp32 | ${t.encodeOnly.toFixed(1)} |
| bound: both on the same cores | ${t.bound.toFixed(1)} |
| the pipeline | ${t.pipeline.toFixed(1)} (${(100 * t.ratioToBound).toFixed(0)}% of the bound) |`;
}

function searchTable(t: SearchBench): string {
  const rows = t.points.map(
    p =>
      `| ${p.at} | ${p.decodeMs.toFixed(1)} | ${p.encodeMs.toFixed(1)} | ${p.searchMs.toFixed(2)} | ${p.totalMs.toFixed(1)} | ${p.totalMs95.toFixed(1)} |`,
  );
  return `| operating point | decode | encode | search | total | total p95 |
|---|---|---|---|---|---|
${rows.join('\n')}

HNSW over ${t.pictures} pictures: recall@10 ${t.hnswRecallAt10.toFixed(4)} against exact search, ${t.hnswMs.toFixed(2)} ms (exact: ${t.exactMs.toFixed(2)} ms).`;
}

function trainTable({ points }: { points: readonly TrainTiming[] }): string {
  const rows = points.map(
    p =>
      `| ${p.at} | ${p.forward.toFixed(1)} | ${p.step.toFixed(1)} | ${p.backwardToForward.toFixed(2)} | ${(p.memory / 1e9).toFixed(1)} |`,
  );
  const head =
    '| pass | forward, images/s | step, images/s | (backward + update) / forward | memory, GB |\n|---|---|---|---|---|';
  return [head, ...rows].join('\n');
}

function filtersTable({ filters }: { filters: readonly FilterTiming[] }): string {
  const rows = filters.map(
    f =>
      `| ${100 * f.share}% | ${f.passes} | ${f.recallAt10.toFixed(4)} | ${f.firstMs.toFixed(1)} | ${f.firstMs95.toFixed(1)} | ${f.againMs.toFixed(1)} |`,
  );
  const head = '| passes | which | recall@10 | new filter, ms | p95 | again, ms |\n|---|---|---|---|---|---|';
  return [head, ...rows].join('\n');
}

const rounds = (n: number, of = 'of which medians are taken') =>
  new Option('--rounds <n>', `rounds, ${of}`).argParser(positiveInteger).default(n);

export const benchCommand = withExample(
  new Command('bench').description('measure this machine'),
  'bench encoder',
).addHelpText(
  'after',
  "\nMost that need an index or pictures take the demo's unless told otherwise; matvit demo --no-serve makes them.",
);

benchCommand
  .addCommand(benchBudgetCommand)
  .addCommand(benchLoadCommand)
  .addCommand(benchEscalationCommand)
  .addCommand(benchAbuseCommand)
  .addCommand(benchThroughputCommand)
  .addCommand(benchSwapCommand);

withExample(benchCommand.command('encoder'), 'bench encoder --rounds 10 --json')
  .description('latency of every granularity, resolution and precision, universal graph beside static ones')
  .addOption(rounds(30))
  .addOption(modelOption())
  .addOption(jsonOption())
  .action(async (options: { model: string; rounds: number; json: boolean }) => {
    print(await encoderBench(options.model, options.rounds), options.json, encoderTable);
  });

withExample(benchCommand.command('index'), 'bench index --images photos/')
  .description('pictures a second of the indexing pipeline, beside decoding alone and encoding alone')
  .addOption(rounds(3))
  .addOption(new Option('--images <folder>', 'pictures').default(demoPictures, "the demo's"))
  .addOption(modelOption())
  .addOption(jsonOption())
  .action(async (options: { images: string; model: string; rounds: number; json: boolean }) => {
    print(await indexBench(options.model, options.images, options.rounds), options.json, indexTable);
  });

withExample(benchCommand.command('search'), 'bench search --index indexes/photos')
  .description('where the milliseconds of a search go')
  .addOption(demoIndexOption())
  .option('--queries <n>', 'stored pictures to search with', positiveInteger, 100)
  .addOption(modelOption())
  .addOption(jsonOption())
  .action(async (options: { index: string; model: string; queries: number; json: boolean }) => {
    print(await searchBench(options.model, options.index, options.queries), options.json, searchTable);
  });

withExample(benchCommand.command('filters'), 'bench filters --pictures 10000 --json')
  .description('recall and latency of filtered searches over synthetic vectors, by how much passes the filter')
  .option('--pictures <n>', 'how many', positiveInteger, 100_000)
  .option('--dimension <n>', 'numbers in a vector', positiveInteger, 192)
  .option('--index <address>', 'an empty database, postgres://… (default: a temporary folder)')
  .addOption(jsonOption())
  .action(async (options: { pictures: number; dimension: number; index?: string; json: boolean }) => {
    const { pictures, dimension, index } = options;
    print(await filtersBench(pictures, dimension, index), options.json, filtersTable);
  });

withExample(benchCommand.command('train'), 'bench train --rounds 1')
  .description('images a second of a training step, beside the forward pass alone')
  .addOption(rounds(3))
  .addOption(modelOption())
  .addOption(jsonOption())
  .action(async (options: { model: string; rounds: number; json: boolean }) => {
    print(await trainBench(options.model, options.rounds), options.json, trainTable);
  });

storageBenches.forEach(command => benchCommand.addCommand(command));

withExample(benchCommand.command('docs'), 'bench docs --model models/plain')
  .description('run encoder, index, search and train on the demo and write docs/performance.md')
  .addOption(rounds(30, 'for the medians of the encoder'))
  .addOption(modelOption())
  .action(async (options: { model: string; rounds: number }) => {
    const training = trainTable(await trainBench(options.model, 3)); // first: its memory is the process's
    const sections = [
      `# Performance

Written by \`matvit bench docs\` on ${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown processor'}, Node ${process.version}. Do not edit.
Medians; A and B of every ratio are measured in turn in one run.

## Encoder: one thread, batch 1

${encoderTable(await encoderBench(options.model, options.rounds))}`,
      `## Indexing: all cores

${indexTable(await indexBench(options.model, demoPictures, 1))}`,
      `## Search: milliseconds of one request, one worker

${searchTable(await searchBench(options.model, demoIndex, 100))}`,
      `## Training: all cores, batches of 64

${training}`,
    ];
    await writeFileAtomic('docs/performance.md', sections.join('\n\n') + '\n');
  });
