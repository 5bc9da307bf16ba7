import { Command } from 'commander';
import type { Engine } from '../src/encoder/engine.js';
import { fullPoint, parseOperatingPoint } from '../src/model/operating-point.js';
import type { SearchAnswer } from '../src/search/searcher.js';
import { engineOption, indexOption, jsonOption, modelOption, positiveInteger, printable } from './cli.js';
import { openSearcher } from './open-searcher.js';

interface Options {
  index: string;
  model: string;
  engine: Engine;
  k: number;
  at?: string;
  json: boolean;
}

/** Hits and cost for people. */
export function describe({ hits, cost }: SearchAnswer): string {
  const rows = hits.map(({ score, path, metadata }, i) => {
    const label = typeof metadata['label'] === 'string' ? `  [${metadata['label']}]` : '';
    return `${String(i + 1).padStart(4)}  ${score.toFixed(4)}  ${printable(path + label)}`;
  });
  const { decode, wait, encode, search, total } = cost.ms;
  const stages = `decode ${decode.toFixed(1)}, wait ${wait.toFixed(1)}, encode ${encode.toFixed(1)}, search ${search.toFixed(1)}`;
  const share = `${(100 * cost.relativeMacs).toFixed(0)}% of the full model's MACs`;
  return [...rows, `at ${cost.at}, ${share}: ${total.toFixed(1)} ms (${stages})`].join('\n');
}

export const searchCommand = new Command('search')
  .description('find the pictures of an index that are most like one')
  .argument('<image>', 'picture to search with')
  .addOption(indexOption())
  .option('-k <n>', 'hits', positiveInteger, 10)
  .option('--at <point>', 'operating point of the query (default: XL@224:fp32)')
  .addOption(modelOption())
  .addOption(engineOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
Examples:
  $ matvit search apple.jpg
  $ matvit search apple.jpg --at S@112:int8 -k 5 --json`,
  )
  .action(async (image: string, options: Options) => {
    const searcher = await openSearcher({ ...options, workers: 1 });
    try {
      const { architecture } = searcher.encoder;
      const at = options.at === undefined ? fullPoint(architecture) : parseOperatingPoint(architecture, options.at);
      const answer = await searcher.search({ picture: image, k: options.k, at });
      process.stdout.write(`${options.json ? JSON.stringify(answer) : describe(answer)}\n`);
    } finally {
      await searcher.close();
    }
  });
