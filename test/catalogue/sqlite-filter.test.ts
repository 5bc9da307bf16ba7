import { Catalogue } from '../../src/catalogue/catalogue.js';
import { temporaryFolder } from '../support/temporary.js';
import { filterContract, rows } from './filter-contract.js';

describe('filters in SQLite', () => {
  const inFolder = temporaryFolder();
  let catalogue: Catalogue;
  after(() => catalogue.close());

  filterContract('SQLite', () => {
    catalogue = Catalogue.openForWriting(inFolder('catalogue.sqlite'), { fingerprint: 'f', dimension: 2 });
    const embedding = Float32Array.of(1, 0);
    const put = rows.map((metadata, i) => ({
      ...{ path: `${i}`, sha256: `${i}`.padStart(64, '0'), size: 1, mtime: 1 },
      ...{ metadata, embedding },
    }));
    catalogue.commit({ put });
    return Promise.resolve({
      // vectors are numbered from 1, as they were put
      matching: filter => {
        const ids = [...catalogue.vectorsMatching(filter)].flat();
        const sameByImages = catalogue.imagesOf(ids, filter).length === ids.length;
        const [count] = catalogue.countMatching(filter);
        if (!sameByImages || count !== ids.length) throw new Error('three answers to one question');
        return Promise.resolve(ids.map(id => id - 1));
      },
      facet: (path, limit, filter) => Promise.resolve(catalogue.facet(path, limit, filter)),
    });
  });
});
