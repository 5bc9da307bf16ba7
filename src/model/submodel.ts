/**
 * Submodels: one granularity a layer (Mix'n'Match, MatFormer section 3.3), written as runs from the first layer to
 * the last (`M6-L6`, `S3-M3-L3-XL3`) or as one name when every layer has it (`XL`).
 */
import { MatvitError } from '../errors.js';
import { type Architecture, type GranularityName, granularityNames } from './architecture.js';

/** Index into `granularityNames` for each layer: 0 = S … 3 = XL. */
export type Submodel = readonly number[];

export function uniform(a: Architecture, name: GranularityName): Submodel {
  return new Array<number>(a.depth).fill(granularityNames.indexOf(name));
}

/** Parses `XL`, `M6-L6` and so on. @throws SUBMODEL_INVALID */
export function parseSubmodel(a: Architecture, text: string): Submodel {
  const fail = (reason: string): never => {
    throw new MatvitError('SUBMODEL_INVALID', `'${text}' ${reason}`);
  };
  const single = granularityNames.find(name => name === text);
  if (single) return uniform(a, single);
  const runs = text.split('-').map(run => {
    const match = /^(XL|[SML])([1-9]\d{0,3})$/.exec(run);
    if (!match) return fail('is not written like XL or M6-L6 (granularities S, M, L, XL, each with its layers)');
    return { granularity: granularityNames.indexOf(match[1] as GranularityName), count: Number(match[2]) };
  });
  const layers = runs.reduce((sum, { count }) => sum + count, 0);
  if (layers !== a.depth) fail(`has ${layers} layers, but the model has ${a.depth}`);
  return runs.flatMap(({ granularity, count }) => new Array<number>(count).fill(granularity));
}

/** The inverse of parseSubmodel: the shortest way to write it. */
export function printSubmodel(submodel: Submodel): string {
  const runs: { granularity: number; count: number }[] = [];
  for (const granularity of submodel) {
    const last = runs.at(-1);
    if (last?.granularity === granularity) last.count++;
    else runs.push({ granularity, count: 1 });
  }
  const name = (i: number) => granularityNames[i] ?? '?';
  if (runs.length === 1) return name(runs[0]!.granularity);
  return runs.map(run => `${name(run.granularity)}${run.count}`).join('-');
}

/** Hidden neurons of each layer. */
export function ffnWidths(a: Architecture, submodel: Submodel): number[] {
  return submodel.map(granularity => a.granularities[granularity]!);
}

/** Every submodel whose granularity never falls with depth, the paper's heuristic: 455 of them for 12 layers. */
export function* nonDecreasing(a: Architecture): Generator<Submodel> {
  function* extend(prefix: number[]): Generator<Submodel> {
    if (prefix.length === a.depth) {
      yield prefix;
      return;
    }
    for (let g = prefix.at(-1) ?? 0; g < granularityNames.length; g++) yield* extend([...prefix, g]);
  }
  yield* extend([]);
}
