import { readCalibration } from '../src/corpus/calibration.js';
import type { Model as Identity } from '../src/catalogue/identity.js';
import type { ImageIndex } from '../src/corpus/image-index.js';
import type { SearchableIndex } from '../src/corpus/ports.js';
import { type EncoderOptions, createEncoder } from '../src/encoder/engine.js';
import { readModel } from '../src/model/bundle.js';
import { Searcher, type SearcherOptions } from '../src/search/searcher.js';
import { warn } from './cli.js';
import { openFolder } from './open-index.js';

type Options = EncoderOptions &
  Omit<SearcherOptions, 'calibration'> & {
    readonly index: string;
    readonly model: string;
  };

/** Opens an index with its model. @throws INDEX_MISSING, MODEL_MISMATCH and what reading a model throws */
export const openSearcher = (options: Options): Promise<Searcher<ImageIndex>> => openSearcherOver(options, openFolder);

/** The same over whatever kind of index `open` opens. */
export async function openSearcherOver<Index extends SearchableIndex>(
  options: Options,
  open: (index: string, model: Identity) => Promise<Index>,
): Promise<Searcher<Index>> {
  const model = await readModel(options.model);
  const { fingerprint, architecture } = model.checkpoint;
  const index = await open(options.index, { fingerprint, dimension: architecture.width });
  try {
    const { calibration, passedOver } = await readCalibration(options.index, model);
    if (passedOver) warn(passedOver);
    const { limits, queue, decode } = options;
    return new Searcher(await createEncoder(model.checkpoint, options), index, {
      ...(calibration && { calibration }),
      ...(limits && { limits }),
      ...(decode && { decode }),
      ...(queue !== undefined && { queue }),
    });
  } catch (error) {
    await index.close();
    throw error;
  }
}
