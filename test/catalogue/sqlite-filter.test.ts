import assert from 'node:assert/strict';
import { Catalogue } from '../../src/catalogue/catalogue.js';
import { FacetCounts } from '../../src/catalogue/facets.js';
import type { Json } from '../../src/catalogue/image.js';
import { random } from '../../src/training/random.js';
import { temporaryFolder } from '../support/temporary.js';
import { filterContract, rows } from './filter-contract.js';

describe('filters in SQLite', () => {
  const inFolder = temporaryFolder();
  let catalogue: Catalogue;
  after(() => catalogue.close());

  it('counts facets window by window as it does in one go', () => {
    const file = inFolder('facets.sqlite');
    const facets = Catalogue.openForWriting(file, { fingerprint: 'f', dimension: 2 });
    const draw = random(3);
    const words = ['a', 'ab', '', 'Z', '\u{ffff}', '\u{e000}', '\u{1f34e}', '\u{1f34e}b', 'é', '10', 'true'];
    const values: readonly Json[] = [...words, 0, 1, -1.5, 2, 10, 1e21, 2 ** 60, true, false, null, [], {}];
    const pick = () => values[draw.below(values.length)]!;
    const put = Array.from({ length: 9000 }, (_, i) => ({
      ...{ path: `${i}`, sha256: '0'.repeat(64), size: 1, mtime: 1, embedding: Float32Array.of(1, 0) },
      metadata: { common: pick(), list: [pick(), pick()], own: i % 2 ? `${i}` : i, rare: i % 500 ? {} : pick() },
    }));
    facets.commit({ put });
    for (const field of ['common', 'list', 'own', 'rare', 'none'])
      for (const limit of [1, 3, 20, 10_000]) {
        const counts = new FacetCounts();
        const windows = [...facets.facetRows([field])];
        for (const rows of windows) counts.add(rows);
        assert.equal(windows.length, 3);
        assert.deepEqual(counts.first(limit), facets.facet([field], limit), field);
      }
    facets.close();
  });

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
      facet: (path, limit, filter) => {
        const counts = new FacetCounts();
        for (const some of catalogue.facetRows(path, filter)) counts.add(some);
        const first = counts.first(limit);
        assert.deepEqual(first, catalogue.facet(path, limit, filter));
        return Promise.resolve(first);
      },
    });
  });
});
