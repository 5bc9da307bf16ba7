/** Embeddings that other implementations computed; the files in test/fixtures say how. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Context } from 'mocha';
import type { Checkpoint } from '../../src/model/checkpoint.js';
import { importVit } from '../../src/model/import.js';
import { readSafetensors } from '../../src/model/safetensors.js';

/** A file by its path from the project's root; this runs as dist/test/support/golden.js. */
export const projectFile = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

interface Cases {
  readonly cases: readonly { image: number; resolution: number; submodel: string; embedding: number[] }[];
}

/** Of a pretrained ViT-Ti/16. */
export interface Golden extends Cases {
  /** rows of the position embeddings at 7 x 7 patches, without the class token's */
  readonly positions7x7_first3: readonly number[][];
}

const fixture = (name: string): unknown => JSON.parse(readFileSync(projectFile(`test/fixtures/${name}`), 'utf8'));

export const golden = () => fixture('golden.json') as Golden;

/** Of the tiny MatViT, seed 1. */
export const goldenTiny = () => fixture('golden-tiny.json') as Cases;

/** Picture k as golden.json defines it, [resolution, resolution, 3]. */
export function goldenPixels(k: number, resolution: number): Uint8Array {
  const pixels = new Uint8Array(resolution * resolution * 3);
  let i = 0;
  for (let y = 0; y < resolution; y++)
    for (let x = 0; x < resolution; x++)
      for (let c = 0; c < 3; c++)
        pixels[i++] = (x * (3 + k) + y * (7 + 2 * k) + c * 61 + Math.floor((x * y) / (5 + k))) % 256;
  return pixels;
}

/** The weights that the golden values belong to lie outside of the project: without them the test is skipped. */
export async function goldenCheckpoint(test: Context): Promise<Checkpoint> {
  return importVit(await readSafetensors(fileOrSkip(test, '../shared/weights/vit_tiny_patch16_224.safetensors')));
}

export function fileOrSkip(test: Context, path: string): string {
  const file = projectFile(path);
  if (!existsSync(file)) test.skip();
  return file;
}
