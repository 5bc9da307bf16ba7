import { Command } from 'commander';
import { type IndexingReport, indexFolder } from '../src/corpus/indexing.js';
import { readMetadata } from '../src/corpus/metadata.js';
import { rootOf } from '../src/corpus/scan.js';
import { type Engine, createEncoder } from '../src/encoder/engine.js';
import { decode } from '../src/image/decode.js';
import { readModel } from '../src/model/bundle.js';
import {
  engineOption,
  anyIndexOption,
  interruption,
  jsonOption,
  modelOption,
  printable,
  progress,
  workersOption,
} from './cli.js';
import { openForWriting } from './open-index.js';
import { print } from './output.js';

interface Options {
  index: string;
  model: string;
  engine: Engine;
  workers?: number;
  metadata?: string;
  strict: boolean;
  empty: boolean;
  json: boolean;
}

/** The report for people. */
export function describe(report: IndexingReport): string {
  const { added, updated, unchanged, removed, embedded, failed, ignored, unmatched, seconds } = report;
  const lines = [
    `${added} added, ${updated} updated, ${unchanged} unchanged, ${removed} removed; ` +
      `${embedded} embedded in ${seconds.toFixed(1)} s`,
    ...failed.map(({ path, code, reason }) => `  skipped ${printable(`${path}: ${reason}`)} [${code}]`),
  ];
  if (failed.length > 0) lines.push(`${failed.length} could not be read`);
  if (ignored > 0) lines.push(`${ignored} files are not pictures`);
  if (unmatched > 0) lines.push(`${unmatched} entries of the metadata belong to no picture`);
  if (report.interrupted) lines.push('interrupted: run it again to go on');
  return lines.join('\n');
}

export const indexCommand = new Command('index')
  .description('embed a folder of pictures with the full model into an index, or bring the index up to date')
  .argument('<folder>', 'searched recursively; jpg, png, webp, avif, gif, tiff')
  .addOption(anyIndexOption())
  .option(
    '--metadata <file>',
    "CSV or JSONL with a column 'path' (default: known pictures keep theirs, new ones get their folder's name as label)",
  )
  .option('--strict', 'exit with 1 if a picture could not be read', false)
  .option('--empty', 'take all pictures out of the index if the folder has none any more', false)
  .addOption(modelOption())
  .addOption(engineOption())
  .addOption(workersOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
Run it again whenever the folder changes: unchanged files are not read, moved ones not embedded again, and what an
interrupted run had done is kept.

What cannot be read for now (a drive or a link that is away, a file without permission) stays in the index; a folder
that has none of its pictures any more is an error, since that is what a drive that is not mounted looks like (--empty).

Examples:
  $ matvit index photos/ --index indexes/photos --metadata photos.csv
  $ matvit index photos/ --index postgres://me@db/photos     # PostgreSQL with pgvector: docs/scaling.md`,
  )
  .action(async (folder: string, options: Options) => {
    const { checkpoint } = await readModel(options.model);
    await rootOf(folder); // before there is an index of nothing
    const metadata = options.metadata === undefined ? undefined : await readMetadata(options.metadata);
    const { fingerprint, architecture } = checkpoint;
    const index = await openForWriting(options.index, { fingerprint, dimension: architecture.width });
    const bar = progress('indexing');
    try {
      const encoder = await createEncoder(checkpoint, options);
      try {
        const report = await indexFolder({
          folder,
          index,
          encoder,
          decode,
          metadata,
          mayEmpty: options.empty,
          signal: interruption(),
          onProgress: ({ done, total, rate }) => bar.update(done, total, `${rate.toFixed(0)} pictures/s`),
        });
        bar.stop();
        print(report, options.json, describe);
        if ((options.strict && report.failed.length > 0) || report.interrupted) process.exitCode = 1;
      } finally {
        await encoder.close();
      }
    } finally {
      bar.stop();
      await index.close();
    }
  });
