import { Command, Option } from 'commander';
import { parseSetting } from '../src/config.js';
import type { Filter } from '../src/catalogue/filter.js';
import { parseFilter } from '../src/catalogue/parse-filter.js';
import type { Engine } from '../src/encoder/engine.js';
import { parseOperatingPoint } from '../src/model/operating-point.js';
import type { SearchAnswer } from '../src/search/searcher.js';
import {
  engineOption,
  anyIndexOption,
  jsonOption,
  modelOption,
  number,
  positiveInteger,
  printable,
  wholeNumber,
} from './cli.js';
import { openForReading } from './open-index.js';
import { openSearcherOver } from './open-searcher.js';
import { print } from './output.js';

interface Options {
  index: string;
  model: string;
  engine: Engine;
  k: number;
  at?: string;
  filter?: Filter;
  minScore?: number;
  offset?: number;
  cursor?: string;
  facet?: string[];
  budget?: number;
  json: boolean;
}

/** Hits and cost for people. */
export function describe({ hits, next, facets, familiarity, nothingLikeIt, cost }: SearchAnswer): string {
  const nearest = hits.length > 0 ? '; the nearest are' : '';
  const head = nothingLikeIt ? [`nothing like it here (familiarity ${familiarity!.toFixed(3)})${nearest}`] : [];
  const rows = hits.map(({ score, path, metadata }, i) => {
    const label = typeof metadata['label'] === 'string' ? `  [${metadata['label']}]` : '';
    return `${String(i + 1).padStart(4)}  ${score.toFixed(4)}  ${printable(path + label)}`;
  });
  const { decode, wait, encode, search, total } = cost.ms;
  const stages = `decode ${decode.toFixed(1)}, wait ${wait.toFixed(1)}, encode ${encode.toFixed(1)}, search ${search.toFixed(1)}`;
  const share = `${(100 * cost.relativeMacs).toFixed(0)}% of the full model's MACs`;
  if (hits.length === 0) rows.push('nothing found');
  for (const [field, values] of Object.entries(facets ?? {}))
    rows.push(printable(`${field}: ${values.map(({ value, count }) => `${value} (${count})`).join(', ') || '-'}`));
  if (next !== undefined) rows.push(`more with --cursor ${next}`);
  const fidelity = cost.fidelity === undefined ? '' : `, fidelity ${cost.fidelity.toFixed(3)}`;
  const budget = cost.budget ? `; budget ${cost.budget.ms} ms ${cost.budget.met ? 'met' : 'missed'}` : '';
  return [...head, ...rows, `at ${cost.at}, ${share}${fidelity}: ${total.toFixed(1)} ms (${stages})${budget}`].join(
    '\n',
  );
}

export const searchCommand = new Command('search')
  .description('find the pictures of an index that are most like one')
  .argument('<image>', 'picture to search with')
  .addOption(anyIndexOption())
  .option('-k <n>', 'hits', positiveInteger, 10)
  .option('--filter <json>', 'only pictures whose metadata pass, such as \'{"label":"Fruits"}\'', parseFilter)
  .option('--min-score <x>', 'only hits of at least this cosine similarity', number)
  .addOption(new Option('--offset <n>', 'hits to skip').argParser(wholeNumber).conflicts('cursor'))
  .option('--cursor <text>', 'go on where the page before ended')
  .option(
    '--facet <field>',
    'count the 20 commonest values of a field over all pictures that pass the filter; several times for several',
    (field: string, before: readonly string[] = []) => [...before, field],
  )
  .option(
    '--at <point>',
    "operating point of the query (left out, --budget chooses it, and without any budget it is the full model's)",
  )
  .option('--budget <ms>', 'latency budget that chooses the operating point', text => parseSetting('budget', text))
  .addOption(modelOption())
  .addOption(engineOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
Examples:
  $ matvit search apple.jpg
  $ matvit search apple.jpg --at XL@96:int8 -k 5 --json
  $ matvit search apple.jpg --budget 10
  $ matvit search apple.jpg --filter '{"label":"Fruits"}' --min-score 0.5
  $ matvit search apple.jpg --filter '{"year":{"$gte":2000,"$lt":2010},"tags":{"$in":["red","green"]}}' --facet label
  $ matvit search apple.jpg --filter '{"$or":[{"camera.make":"Canon"},{"camera":{"$exists":false}}]}'

Filters are MongoDB's: $eq $ne $in $nin $gt $gte $lt $lte $exists of a field, $and $or $nor $not around conditions. A list
has a value if one of its elements is it. Metadata come from \`matvit index --metadata\`, or are the folder's name as label.`,
  )
  .action(async (image: string, options: Options) => {
    const searcher = await openSearcherOver({ ...options, workers: 1 }, openForReading);
    try {
      const at = options.at === undefined ? undefined : parseOperatingPoint(searcher.encoder.architecture, options.at);
      if (options.budget !== undefined) await searcher.warmUp();
      const { k, filter, minScore, offset, cursor, facet: facets, budget: budgetMs } = options;
      if (!filter) await searcher.index.familiarity(0); // measures the index once a process, which is no part of a search
      const answer = await searcher.search({
        picture: image,
        at,
        budgetMs,
        k,
        filter,
        minScore,
        offset,
        cursor,
        facets,
      });
      print(answer, options.json, describe);
    } finally {
      await searcher.close();
    }
  });
