import assert from 'node:assert/strict';
import { corruptionTest } from '../../src/evaluation/corruption.js';
import { crashTest } from '../../src/evaluation/crash.js';

// the full versions: matvit bench crash, matvit bench corruption

describe('an index', () => {
  it('holds what was acknowledged after kill -9 at any moment', async () => {
    const { kills, sound, acknowledged, problems } = await crashTest({ kills: 5, seed: 3 });
    assert.deepEqual([sound, problems], [kills, []]);
    assert.ok(acknowledged > 0);
  }).timeout(240_000);

  it('is refused or gives the right results, whatever was done to its files', async () => {
    const report = await corruptionTest({ pictures: 60, flips: 6, seed: 2 });
    const bad = report.filter(({ wrong }) => wrong.length > 0);
    assert.deepEqual(bad, []);
    const graph = report.filter(({ file }) => file === 'graph.hnsw');
    assert.ok(graph.length === 5 && graph.every(({ times, rebuilt }) => rebuilt === times));
    const catalogue = report.filter(({ file, kind }) => file === 'catalogue.sqlite' && kind.startsWith('a byte'));
    assert.ok(catalogue.some(({ refused }) => (refused['CATALOGUE_CORRUPT'] ?? 0) > 0));
  }).timeout(240_000);
});
