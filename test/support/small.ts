/** A model with the shipped one's patch and resolution, but hardly any width, and a folder of pictures to index with it. */
import { join } from 'node:path';
import { ImageIndex } from '../../src/corpus/image-index.js';
import { indexFolder } from '../../src/corpus/indexing.js';
import { OnnxEncoder } from '../../src/encoder/onnx.js';
import { decode } from '../../src/image/decode.js';
import type { Architecture } from '../../src/model/architecture.js';
import { writeModel } from '../../src/model/bundle.js';
import { type Checkpoint, makeCheckpoint } from '../../src/model/checkpoint.js';
import type { NamedTensor } from '../../src/model/safetensors.js';
import { initialise } from '../../src/training/initialise.js';
import { tensorShapes } from '../../src/model/architecture.js';
import { Searcher } from '../../src/search/searcher.js';
import { picture, writeFiles } from '../corpus/pictures.js';

export const small: Architecture = {
  patch: 16,
  resolution: 224,
  width: 24,
  depth: 2,
  heads: 2,
  ffnWidth: 32,
  granularities: [4, 8, 16, 32],
  epsilon: 1e-6,
};

/** Random weights, the blocks' large enough to tell pictures apart. */
export function smallCheckpoint(seed = 1): Checkpoint {
  const { weights } = initialise(small, seed);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, shape] of tensorShapes(small)) {
    const gain = name.startsWith('layers.') && shape.length > 1 ? 15 : 1;
    tensors.set(name, { shape, data: weights.get(name)!.map(x => x * gain) });
  }
  return makeCheckpoint(small, tensors);
}

export async function writeSmallModel(folder: string, seed = 1): Promise<Checkpoint> {
  const card = { name: 'small', description: 'random weights', provenance: ['random numbers'] };
  return (await writeModel(folder, smallCheckpoint(seed), card, 'F32')).checkpoint;
}

/** Writes `<i mod 3>/<i>.png` for each i below `count`, no two alike. */
export async function writePictures(folder: string, count: number): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, i) => `${i % 3}/${String(i).padStart(3, '0')}.png`);
  for (const [i, path] of paths.entries()) writeFiles(folder, { [path]: await picture(i) });
  return paths;
}

/** An index of `count` pictures, made as `matvit index` makes it; they are in `<folder>/pictures`. */
export async function smallSearcher(folder: string, count: number, workers = 1): Promise<Searcher<ImageIndex>> {
  const pictures = join(folder, 'pictures');
  await writePictures(pictures, count);
  const encoder = await OnnxEncoder.create(smallCheckpoint(), workers);
  const model = { fingerprint: encoder.fingerprint, dimension: small.width };
  const index = await ImageIndex.openForWriting(join(folder, 'index'), model);
  await indexFolder({ folder: pictures, index, encoder, decode });
  return new Searcher(encoder, index);
}
