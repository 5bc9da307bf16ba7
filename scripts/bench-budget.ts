import { Command } from 'commander';
import { ImageIndex } from '../src/corpus/image-index.js';
import { type ChoiceBench, benchChoice } from '../src/evaluation/bench-choice.js';
import { type BudgetBench, benchBudget } from '../src/evaluation/load/bench-budget.js';
import { type LoadPicture, loadPictures } from '../src/evaluation/load/pictures.js';
import { LoadRig } from '../src/evaluation/load/rig.js';
import { readModel } from '../src/model/bundle.js';
import { demoIndexOption, jsonOption, modelOption, positiveInteger, progress } from './cli.js';
import { openSearcher } from './open-searcher.js';
import { print } from './output.js';

const budgets = [5, 8, 12, 20, 40];

/** Pictures to put load on an index with. */
export async function picturesOf({ index: folder, model }: { index: string; model: string }): Promise<LoadPicture[]> {
  const { fingerprint, architecture } = (await readModel(model)).checkpoint;
  const index = await ImageIndex.openForReading(folder, { fingerprint, dimension: architecture.width });
  try {
    return await loadPictures(index, 50);
  } finally {
    await index.close();
  }
}

function table({ budgets: rows, points }: BudgetBench, { dispatchUs, switchMs, worstSwitchMs }: ChoiceBench): string {
  const percent = (share: number | null) => (share === null ? '–' : `${(100 * share).toFixed(1)}%`);
  const time = (ms: number | null) => ms?.toFixed(1) ?? '–';
  const lines = rows.map(({ budgetMs, met, p95, best, encodeError }) => {
    const chosen = best ? [best.at, percent(best.chosen), percent(best.near)] : ['none fits', '–', '–'];
    return `| ${[budgetMs, percent(met), time(p95), ...chosen, percent(encodeError)].join(' | ')} |`;
  });
  const cheapest = points[0]!;
  const list = (values: readonly (string | number)[]) => values.join(', ').replace(/, (?=[^,]*$)/, ' and ');
  const costs = list(Object.values(dispatchUs).map(us => us.toFixed(0)));
  const queues = list(Object.keys(dispatchUs));
  return `| budget, ms | met | p95, ms | best point that fits | chosen | it or a neighbour | encode error |
|---|---|---|---|---|---|---|
${lines.join('\n')}

The cheapest point, ${cheapest.at}, took ${time(cheapest.p50)} ms (p95 ${time(cheapest.p95)}) from the client's side. Choosing takes
${costs} µs a request while ${queues} others wait; encoding after another point takes ${switchMs.toFixed(2)} ms longer than after the same
one (median over the frontier; ${worstSwitchMs.toFixed(2)} at worst).`;
}

export const benchBudgetCommand = new Command('budget')
  .description('one request at a time under budgets of 5 to 40 ms: met or not, and how good the choice was')
  .addOption(demoIndexOption())
  .option('--rounds <n>', 'requests of each kind; three times as many of each budget', positiveInteger, 60)
  .addOption(modelOption())
  .addOption(jsonOption())
  .addHelpText('after', '\nExample:\n  $ matvit bench budget --index indexes/photos')
  .action(async (options: { index: string; model: string; rounds: number; json: boolean }) => {
    const pictures = await picturesOf(options);
    const searcher = await openSearcher({ ...options, workers: 1 });
    const choice = await searcher
      .warmUp()
      .then(() => benchChoice(searcher))
      .finally(() => searcher.close());
    const bar = progress('budgets');
    try {
      const result = await LoadRig.use(['--index', options.index, '--model', options.model], async rig =>
        benchBudget(rig, pictures, budgets, {
          points: await rig.points(),
          rounds: options.rounds,
          onProgress: bar.update,
        }),
      );
      bar.stop();
      print({ ...result, choice }, options.json, () => table(result, choice));
    } finally {
      bar.stop();
    }
  });
