/** `matvit bench crash`, `corruption`, `scale` and `duplicates`: what an index withstands and holds. */
import { Command } from 'commander';
import { scanPictures } from '../src/corpus/scan.js';
import { createEncoder } from '../src/encoder/engine.js';
import { type ScaleBench, benchScale } from '../src/evaluation/bench-scale.js';
import { type Damage, corruptionTest } from '../src/evaluation/corruption.js';
import { crashTest } from '../src/evaluation/crash.js';
import { type NearDuplicates, nearDuplicates } from '../src/evaluation/near-duplicates.js';
import { readModel } from '../src/model/bundle.js';
import { jsonOption, modelOption, positiveInteger, progress } from './cli.js';
import { print, withExample } from './output.js';

const command = (name: string, example: string) =>
  withExample(new Command(name), `bench ${example}`).addOption(jsonOption());

const crash = command('crash', 'crash --kills 20')
  .description('kill -9 a process that changes an index, again and again, and look for what it had acknowledged')
  .option('--kills <n>', 'how often', positiveInteger, 200)
  .option('--seed <n>', 'of the changes and the moments', positiveInteger, 1)
  .action(async ({ kills, seed, json }: { kills: number; seed: number; json: boolean }) => {
    const bar = progress('crash');
    const report = await crashTest({ kills, seed, onProgress: bar.update });
    bar.stop();
    print(report, json, r =>
      [
        ...r.problems,
        `${r.sound}/${r.kills} sound: ${r.acknowledged} acknowledged changes, ${r.interrupted} cut off, ` +
          `${r.rebuilt} graphs made again`,
      ].join('\n'),
    );
    if (report.sound < report.kills) process.exitCode = 1;
  });

function damageTable(report: readonly Damage[]): string {
  const rows = report.map(({ file, kind, times, refused, rebuilt, harmless, wrong }) => {
    const codes = Object.entries(refused).map(([code, n]) => `${n} ${code}`);
    return `| ${file} | ${kind} | ${times} | ${codes.join(', ') || 0} | ${rebuilt} | ${harmless} | ${wrong.length} |`;
  });
  const head =
    '| file | damage | times | refused | graph made again | harmless | wrong |\n|---|---|---|---|---|---|---|';
  return [head, ...rows].join('\n');
}

const corruption = command('corruption', 'corruption --flips 10')
  .description('damage every file of an index, one at a time: it must be refused, or give the right results')
  .option('--pictures <n>', 'in the index', positiveInteger, 200)
  .option('--flips <n>', 'bytes changed in each file, one at a time', positiveInteger, 100)
  .option('--seed <n>', 'of the places', positiveInteger, 1)
  .action(async (options: { pictures: number; flips: number; seed: number; json: boolean }) => {
    const bar = progress('corruption');
    const onProgress = (done: number, note: string) => bar.update(done, 8 * options.flips, note);
    const report = await corruptionTest({ ...options, onProgress });
    bar.stop();
    print(report, options.json, damageTable);
    if (report.some(({ wrong }) => wrong.length > 0)) process.exitCode = 1;
  });

const scaleText = (r: ScaleBench) => `| ${r.vectors} vectors of ${r.dimension} | |
|---|---|
| committing, pictures/s | ${(r.vectors / r.commitSeconds).toFixed(0)} |
| committing and building the graph, pictures/s | ${(r.vectors / r.graphSeconds).toFixed(0)} |
| opening, s | ${r.openSeconds.toFixed(2)} |
| memory a picture, bytes | ${r.memoryBytesEach.toFixed(0)} |
| disk a picture, bytes | ${r.diskBytesEach.toFixed(0)} |
| one graph, one thread: build, s; search, ms | ${r.oneThread.buildSeconds.toFixed(1)}; ${r.oneThread.searchMs.toFixed(2)} |
| two graphs, two threads | ${r.twoThreads.buildSeconds.toFixed(1)}; ${r.twoThreads.searchMs.toFixed(2)} |
| search at rest, ms: p50, p99 | ${r.idle.p50.toFixed(2)}, ${r.idle.p99.toFixed(2)} |
| search while ${r.addedPerSecond.toFixed(0)} a second are added and ${r.removedPerSecond.toFixed(0)} removed | ${r.changing.p50.toFixed(2)}, ${r.changing.p99.toFixed(2)} |
| ratio of the p99, errors | ${r.p99Ratio.toFixed(2)}, ${r.errors} |`;

const scale = command('scale', 'scale --vectors 10000 --seconds 3')
  .description('build, open and search an index of many synthetic vectors, at rest and while it changes')
  .option('--vectors <n>', 'how many', positiveInteger, 100_000)
  .option('--dimension <n>', 'numbers in a vector', positiveInteger, 192)
  .option('--seconds <n>', 'of each measurement of searches', positiveInteger, 10)
  .option('--rounds <n>', 'rounds, of which medians are taken', positiveInteger, 3)
  .action(async (options: { vectors: number; dimension: number; seconds: number; rounds: number; json: boolean }) => {
    const bar = progress('scale');
    const result = await benchScale({ ...options, onProgress: bar.update });
    bar.stop();
    print(result, options.json, scaleText);
  });

function duplicatesTable({ thresholds }: NearDuplicates): string {
  const kinds = Object.keys(thresholds[0]?.recallBy ?? {});
  const percent = (x: number) => (100 * x).toFixed(1);
  const rows = thresholds.map(({ threshold, precision, recall, recallBy }) => {
    const by = kinds.map(kind => percent(recallBy[kind]!)).join(' | ');
    return `| ${threshold} | ${percent(precision)} | ${percent(recall)} | ${by} |`;
  });
  return `| threshold | precision, % | recall, % | ${kinds.join(' | ')} |\n|${'---|'.repeat(3 + kinds.length)}\n${rows.join('\n')}`;
}

const duplicates = command('duplicates', 'duplicates --images photos/')
  .description('precision and recall of near-duplicates: pictures recompressed, resized, cropped and mirrored')
  .requiredOption('--images <folder>', 'pictures')
  .option('--altered <n>', 'pictures that get altered copies', positiveInteger, 200)
  .option('--others <n>', 'pictures beside them', positiveInteger, 800)
  .addOption(modelOption())
  .action(async (options: { images: string; altered: number; others: number; model: string; json: boolean }) => {
    const { files } = await scanPictures(options.images);
    // from all over the folder, not the first class alone
    const wanted = Math.min(files.length, options.altered + options.others);
    const paths = Array.from(
      { length: wanted },
      (_, i) => files[Math.floor((((i * 7919) % wanted) * files.length) / wanted)]!.path,
    );
    const encoder = await createEncoder((await readModel(options.model)).checkpoint);
    const bar = progress('duplicates');
    try {
      const thresholds = [0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99];
      const altered = Math.min(options.altered, paths.length);
      const result = await nearDuplicates(encoder, options.images, [...new Set(paths)], {
        altered,
        thresholds,
        onProgress: bar.update,
      });
      bar.stop();
      print(result, options.json, duplicatesTable);
    } finally {
      bar.stop();
      await encoder.close();
    }
  });

export const storageBenches = [crash, corruption, scale, duplicates];
