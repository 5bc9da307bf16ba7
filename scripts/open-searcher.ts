import { readCalibration } from '../src/corpus/calibration.js';
import { ImageIndex } from '../src/corpus/image-index.js';
import { type EncoderOptions, createEncoder } from '../src/encoder/engine.js';
import { readModel } from '../src/model/bundle.js';
import { Searcher, type SearcherOptions } from '../src/search/searcher.js';

/** Opens an index with its model. @throws INDEX_MISSING, MODEL_MISMATCH and what reading a model throws */
export async function openSearcher(
  options: EncoderOptions & Omit<SearcherOptions, 'calibration'> & { readonly index: string; readonly model: string },
): Promise<Searcher> {
  const model = await readModel(options.model);
  const { fingerprint, architecture } = model.checkpoint;
  const index = await ImageIndex.openForReading(options.index, { fingerprint, dimension: architecture.width });
  try {
    const calibration = await readCalibration(options.index, model);
    const { limits, queue } = options;
    return new Searcher(await createEncoder(model.checkpoint, options), index, {
      ...(calibration && { calibration }),
      ...(limits && { limits }),
      ...(queue !== undefined && { queue }),
    });
  } catch (error) {
    await index.close();
    throw error;
  }
}
