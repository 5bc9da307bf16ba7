/** How near the indexing pipeline comes to what its parts allow: decoding alone, and encoding alone, on all cores. */
import { join } from 'node:path';
import pMap from 'p-map';
import { ImageIndex } from '../corpus/image-index.js';
import { indexFolder } from '../corpus/indexing.js';
import type { Encoder } from '../encoder/encoder.js';
import { decode } from '../image/decode.js';
import { fullPoint } from '../model/operating-point.js';
import { median } from '../statistics.js';
import { makeTemporaryFolder } from '../temporary-folder.js';

export interface IndexTiming {
  readonly pictures: number;
  /** pictures a second, medians over rounds */
  readonly decodeOnly: number;
  readonly encodeOnly: number;
  /** both on the same cores: 1 / (1 / decodeOnly + 1 / encodeOnly) */
  readonly bound: number;
  readonly pipeline: number;
  /** median over rounds of pipeline / bound of that round */
  readonly ratioToBound: number;
}

/** @param paths relative to `folder`, and all that is in it */
export async function benchIndex(
  encoder: Encoder,
  folder: string,
  paths: readonly string[],
  { rounds, onProgress }: { rounds: number; onProgress?: (done: number, total: number) => void },
): Promise<IndexTiming> {
  const full = fullPoint(encoder.architecture);
  const side = full.resolution;
  const perSecond = async (work: () => Promise<unknown>) => {
    const began = performance.now();
    await work();
    return (1000 * paths.length) / (performance.now() - began);
  };
  const decodeAll = () => pMap(paths, path => decode(join(folder, path), side), { concurrency: 8 });
  // the same few pictures again and again, as many a call as the pipeline gives: what they show changes no time
  const batch = 8;
  const samples = await Promise.all(paths.slice(0, batch).map(path => decode(join(folder, path), side)));
  const encodeAll = () => {
    const calls = Array.from({ length: Math.ceil(paths.length / batch) }, (_, i) =>
      Math.min(batch, paths.length - i * batch),
    );
    const embed = (size: number) => encoder.embed(new Uint8Array(Buffer.concat(samples.slice(0, size))), full);
    return pMap(calls, embed, { concurrency: encoder.concurrency + 1 });
  };
  const indexAll = async () => {
    const temporary = await makeTemporaryFolder();
    try {
      const { fingerprint, architecture } = encoder;
      const index = await ImageIndex.openForWriting(temporary.path, { fingerprint, dimension: architecture.width });
      await indexFolder({ folder, index, encoder, decode }).finally(() => index.close());
    } finally {
      await temporary.remove();
    }
  };
  const rows: { decodeOnly: number; encodeOnly: number; pipeline: number; bound: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const decodeOnly = await perSecond(decodeAll);
    const encodeOnly = await perSecond(encodeAll);
    const pipeline = await perSecond(indexAll);
    rows.push({ decodeOnly, encodeOnly, pipeline, bound: 1 / (1 / decodeOnly + 1 / encodeOnly) });
    onProgress?.(round + 1, rounds);
  }
  return {
    pictures: paths.length,
    decodeOnly: median(rows.map(row => row.decodeOnly)),
    encodeOnly: median(rows.map(row => row.encodeOnly)),
    bound: median(rows.map(row => row.bound)),
    pipeline: median(rows.map(row => row.pipeline)),
    ratioToBound: median(rows.map(row => row.pipeline / row.bound)),
  };
}
