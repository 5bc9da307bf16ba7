import { Command } from 'commander';
import { type EscalationRow, benchEscalation } from '../src/evaluation/bench-escalation.js';
import { demoIndexOption, jsonOption, modelOption, positiveInteger, progress } from './cli.js';
import { openSearcher } from './open-searcher.js';
import { print } from './output.js';

function table(rows: readonly EscalationRow[]): string {
  const lines = rows.map(({ ms, single, escalated: e }) => {
    const rule = `${e.first}, then ${e.then} for ${100 * e.share}%${e.merged ? ', merged' : ''}`;
    const numbers = [e.fidelity.toFixed(3), e.ms.toFixed(1), e.sameMeanTime.toFixed(3)];
    return `| ${[ms.toFixed(1), single.at, single.fidelity.toFixed(3), rule, ...numbers].join(' | ')} |`;
  });
  return [
    '| ms | one point | fidelity | best escalation in the same time | fidelity | mean ms | one point in the same mean time |',
    `|${'---|'.repeat(7)}`,
    ...lines,
  ].join('\n');
}

export const benchEscalationCommand = new Command('escalation')
  .description('a small point first and a larger one where hits are close, beside one larger point at once')
  .addOption(demoIndexOption('folder of the index, calibrated'))
  .option('--queries <n>', 'augmented pictures of the index to search with', positiveInteger, 150)
  .addOption(modelOption())
  .addOption(jsonOption())
  .addHelpText('after', '\nExample:\n  $ matvit bench escalation --index indexes/photos')
  .action(async (options: { index: string; model: string; queries: number; json: boolean }) => {
    const searcher = await openSearcher(options);
    const bar = progress('escalation');
    try {
      const rows = await benchEscalation(searcher, {
        queries: options.queries,
        onProgress: bar.update,
      });
      bar.stop();
      print({ rows }, options.json, () => table(rows));
    } finally {
      bar.stop();
      await searcher.close();
    }
  });
