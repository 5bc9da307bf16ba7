import { readCalibration } from '../src/corpus/calibration.js';
import { isPostgres } from '../src/catalogue/postgres.js';
import type { Model as Identity } from '../src/catalogue/identity.js';
import { ImageIndex } from '../src/corpus/image-index.js';
import type { SearchableIndex } from '../src/corpus/ports.js';
import { type EncoderOptions, createEncoder } from '../src/encoder/engine.js';
import { MatvitError } from '../src/errors.js';
import { readModel } from '../src/model/bundle.js';
import { Searcher, type SearcherOptions } from '../src/search/searcher.js';

type Options = EncoderOptions &
  Omit<SearcherOptions, 'calibration'> & {
    readonly index: string;
    readonly model: string;
  };

/** Opens an index with its model. @throws INDEX_MISSING, MODEL_MISMATCH and what reading a model throws */
export const openSearcher = (options: Options): Promise<Searcher> =>
  openSearcherOver(options, async (index, model) => {
    if (isPostgres(index))
      throw new MatvitError('OPTION_INVALID', `an index in PostgreSQL cannot be used here yet; matvit search can`);
    return ImageIndex.openForReading(index, model);
  });

/** The same over whatever kind of index `open` opens. */
export async function openSearcherOver<Index extends SearchableIndex>(
  options: Options,
  open: (index: string, model: Identity) => Promise<Index>,
): Promise<Searcher<Index>> {
  const model = await readModel(options.model);
  const { fingerprint, architecture } = model.checkpoint;
  const index = await open(options.index, { fingerprint, dimension: architecture.width });
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
