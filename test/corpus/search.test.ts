import { ImageIndex } from '../../src/corpus/image-index.js';
import { temporaryFolder } from '../support/temporary.js';
import { model, searchContract } from './search-contract.js';

describe('ImageIndex over an HNSW graph', () => {
  const inFolder = temporaryFolder();
  let index: ImageIndex;
  after(() => index.close());

  // more than twice what counts as selective, so that 50% goes through the graph
  searchContract('hnsw', 9000, async () => (index = await ImageIndex.openForWriting(inFolder('index'), model)));
});
