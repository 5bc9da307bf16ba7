/** All parameters side by side in one flat array: what optimiser, gradients and checkpoints of a run work on. */
import { type Architecture, tensorShapes } from '../model/architecture.js';
import { type Submodel, ffnWidths } from '../model/submodel.js';
import { isNested } from '../graph/training.js';

export interface Entry {
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
  /** AdamW's decay applies to matrices, not to biases, norms and positions */
  readonly decays: boolean;
}

export interface Layout {
  readonly entries: ReadonlyMap<string, Entry>;
  /** parameters in all */
  readonly length: number;
}

export function layoutOf(a: Architecture, extra: readonly [string, number[]][] = []): Layout {
  const entries = new Map<string, Entry>();
  let offset = 0;
  for (const [name, shape] of [...tensorShapes(a), ...extra]) {
    const length = shape.reduce((product, n) => product * n, 1);
    entries.set(name, { shape, offset, length, decays: shape.length > 1 && name !== 'positions' });
    offset += length;
  }
  return { entries, length: offset };
}

/** The part of a parameter that a submodel uses: its shape, and how many of its first values. */
export function slice(a: Architecture, name: string, entry: Entry, submodel: Submodel) {
  if (!isNested(name)) return { shape: entry.shape, length: entry.length };
  const rows = ffnWidths(a, submodel)[Number(name.split('.')[1])]!;
  const [all, ...rest] = entry.shape;
  return { shape: [rows, ...rest], length: (entry.length / all!) * rows };
}
