import { ImageIndex } from '../src/corpus/image-index.js';
import { type EncoderOptions, createEncoder } from '../src/encoder/engine.js';
import { readModel } from '../src/model/bundle.js';
import { Searcher } from '../src/search/searcher.js';

/** Opens an index with its model. @throws INDEX_MISSING, MODEL_MISMATCH and what reading a model throws */
export async function openSearcher(options: EncoderOptions & { index: string; model: string }): Promise<Searcher> {
  const { checkpoint } = await readModel(options.model);
  const { fingerprint, architecture } = checkpoint;
  const index = await ImageIndex.openForReading(options.index, { fingerprint, dimension: architecture.width });
  try {
    return new Searcher(await createEncoder(checkpoint, options), index);
  } catch (error) {
    await index.close();
    throw error;
  }
}
