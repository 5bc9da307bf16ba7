/** What a search over a catalogue must give, wherever the index is: filters, pages, facets. */
import assert from 'node:assert/strict';
import type { NewImage } from '../../src/catalogue/changes.js';
import type { Json } from '../../src/catalogue/image.js';
import { readFilter } from '../../src/catalogue/parse-filter.js';
import { printCursor } from '../../src/corpus/cursor.js';
import type { ImageIndex } from '../../src/corpus/image-index.js';
import type { Hit } from '../../src/corpus/nearest.js';
import { random } from '../../src/training/random.js';
import { clusteredVectors, unit } from '../index/random-vectors.js';
import { dot, row } from '../support/numbers.js';

const dimension = 32;
export const model = { fingerprint: 'm'.repeat(64), dimension };
const clusters = 20;

/** Picture i has its vector's nearest centre as `cluster`, and `u` by chance: the one depends on queries, the other not. */
export function searchContract(
  name: string,
  count: number,
  open: () => Promise<Pick<ImageIndex, 'search' | 'commit' | 'list' | 'familiarity'>>,
): void {
  describe(`search: ${name}`, () => {
    const vectors = clusteredVectors(count + 200, dimension, 21, clusters);
    const vector = (i: number) => row(vectors, dimension, i);
    const draw = random(22);
    const axis = vector(count + 199);
    const pictures: readonly (NewImage & { readonly embedding: Float32Array })[] = Array.from(
      { length: count },
      (_, i) => ({
        ...{ path: `${i}.jpg`, sha256: String(i).padStart(64, '0'), size: i, mtime: i, embedding: vector(i) },
        metadata: { u: draw.next(), near: dot(vector(i), axis), parity: i % 2 === 0 ? 'even' : 'odd' },
      }),
    );
    const queries = Array.from({ length: 20 }, (_, i) => vector(count + i));
    const u = (i: number) => pictures[i]!.metadata['u'] as number;
    const near = (i: number) => pictures[i]!.metadata['near'] as number;
    let index: Pick<ImageIndex, 'search' | 'commit' | 'list' | 'familiarity'>;

    before(async () => {
      index = await open();
      for (let at = 0; at < count; at += 1000) await index.commit({ put: pictures.slice(at, at + 1000) });
    });

    /** Paths of the k nearest of those that pass, by looking at all. */
    const truth = (query: Float32Array, k: number, passes: (i: number) => boolean): string[] =>
      pictures
        .map((picture, i) => ({ i, path: picture.path, score: dot(query, picture.embedding) }))
        .filter(({ i }) => passes(i))
        .sort((a, b) => b.score - a.score)
        .slice(0, k)
        .map(({ path }) => path);
    const paths = async (query: Float32Array, k: number, json: Json) =>
      (await index.search(query, { k, filter: readFilter(json) })).hits.map(hit => hit.image.path);
    const ids = (hits: readonly Hit[]) => hits.map(hit => hit.image.id);
    const idOf = async (path: string, vector: Float32Array) =>
      (await index.search(vector, { k: 5 })).hits.find(({ image }) => image.path === path)!.image.id;
    const recall = async (queries: readonly Float32Array[], json: Json, passes: (i: number) => boolean) => {
      let [found, wanted] = [0, 0];
      for (const query of queries) {
        const expected = truth(query, 10, passes);
        const hits = await paths(query, 10, json);
        assert.equal(hits.length, expected.length);
        found += hits.filter(path => expected.includes(path)).length;
        wanted += expected.length;
      }
      return found / wanted;
    };

    const byNearness = pictures.map((_, i) => near(i)).sort((a, b) => a - b);
    for (const share of [0.9, 0.5, 0.1, 0.02, 0.001])
      it(`finds 0.99 of the nearest of ${100 * share}%: by chance, near the query, far from it`, async () => {
        assert.ok((await recall(queries, { u: { $lt: share } }, i => u(i) < share)) >= 0.99, 'by chance');
        const low = byNearness[Math.ceil(share * count) - 1]!;
        const high = byNearness[count - Math.ceil(share * count)]!;
        assert.ok((await recall([axis], { near: { $gte: high } }, i => near(i) >= high)) >= 0.99, 'near');
        assert.ok((await recall([axis], { near: { $lte: low } }, i => near(i) <= low)) >= 0.99, 'far');
      });

    it('gives all that pass when k is larger, and none when none do', async () => {
      const expected = truth(queries[0]!, count, i => u(i) < 0.05);
      assert.deepEqual(await paths(queries[0]!, count, { u: { $lt: 0.05 } }), expected);
      assert.deepEqual(await paths(queries[0]!, 1000, { u: 7 }), []);
      const most = await paths(queries[0]!, count, { u: { $lt: 0.95 } });
      assert.equal(most.length, pictures.filter((_, i) => u(i) < 0.95).length);
      assert.deepEqual(await index.search(queries[0]!, { k: 5, filter: readFilter({ u: 7 }) }), { hits: [] });
    });

    it('goes through pages without a gap or a repetition', async () => {
      for (const filter of [undefined, readFilter({ u: { $lt: 0.5 } }), readFilter({ u: { $lt: 0.02 } })]) {
        const passes = (i: number) => !filter || u(i) < (filter.kind === 'range' ? Number(filter.bounds.$lt) : 1);
        const total = Math.min(100, pictures.filter((_, i) => passes(i)).length);
        const seen: string[] = [];
        for (let cursor: string | undefined; seen.length < total;) {
          const { hits, next } = await index.search(queries[1]!, { k: 7, filter, cursor });
          const skipped = await index.search(queries[1]!, { k: 7, filter, offset: seen.length });
          assert.deepEqual(ids(skipped.hits), ids(hits)); // a score's last digits change when its vector enters the graph
          seen.push(...hits.map(hit => hit.image.path));
          assert.ok(next !== undefined || seen.length >= total);
          cursor = next;
        }
        const expected = truth(queries[1]!, total, passes);
        assert.equal(new Set(seen).size, seen.length);
        assert.ok(expected.filter(path => seen.includes(path)).length >= 0.99 * total);
      }
    });

    it('has no next page after the last', async () => {
      const filter = readFilter({ u: { $lt: 0.01 } });
      const total = pictures.filter((_, i) => u(i) < 0.01).length;
      assert.equal((await index.search(queries[0]!, { k: total, filter })).next, undefined);
      const { next } = await index.search(queries[0]!, { k: total - 1, filter });
      const last = await index.search(queries[0]!, { k: 10, filter, cursor: next });
      assert.equal(last.hits.length, 1);
      assert.equal(last.next, undefined);
      assert.deepEqual((await index.search(queries[0]!, { k: 10, filter, offset: total + 5 })).hits, []);
    });

    it('keeps to minScore', async () => {
      const [query] = queries as [Float32Array];
      for (const filter of [undefined, readFilter({ parity: 'even' }), readFilter({ u: { $lt: 0.02 } })]) {
        const all = (await index.search(query, { k: 200, filter })).hits;
        const minScore = all[Math.min(9, all.length - 2)]!.score;
        const { hits, next } = await index.search(query, { k: 200, filter, minScore });
        assert.deepEqual(
          hits,
          all.filter(hit => hit.score >= minScore),
        );
        assert.equal(next, undefined);
        assert.deepEqual((await index.search(query, { k: 5, filter, minScore: 1 })).hits, []);
      }
    });

    it('counts facets over all that pass', async () => {
      const filter = readFilter({ u: { $lt: 0.3 } });
      const even = pictures.filter((_, i) => u(i) < 0.3 && i % 2 === 0).length;
      const odd = pictures.filter((_, i) => u(i) < 0.3 && i % 2 === 1).length;
      const { facets } = await index.search(queries[0]!, { k: 1, filter, facets: ['parity', 'nothing'] });
      assert.deepEqual(Object.keys(facets!), ['parity', 'nothing']);
      assert.deepEqual(
        new Map(facets!['parity']!.map(facet => [facet.value, facet.count])),
        new Map([
          ['even', even],
          ['odd', odd],
        ]),
      );
      assert.deepEqual(facets!['nothing'], []);
    });

    it('shifts nothing on the next page when images come and go', async () => {
      const query = queries[2]!;
      const first = await index.search(query, { k: 5 });
      const second = await index.search(query, { k: 5, cursor: first.next });
      const put = [0, 1, 2].map(i => ({
        ...{ path: `new ${i}.jpg`, sha256: `${i}`.padStart(64, 'a'), size: 1, mtime: 1, metadata: {} },
        embedding: i === 0 ? query : vector(count + 100 + i),
      }));
      await index.commit({ put });
      const withMore = await index.search(query, { k: 5, cursor: first.next });
      assert.deepEqual(withMore.hits, second.hits);
      const own = first.hits.at(-1)!.image; // the cursor's
      const original = pictures.find(({ path }) => path === own.path)!;
      for (const [i, embedding] of [query, query.map(x => -x)].entries()) {
        await index.commit({ put: [{ ...original, sha256: `${i}`.padStart(64, 'd'), embedding }], prune: 'all' });
        assert.deepEqual((await index.search(query, { k: 5, cursor: first.next })).hits, second.hits);
      }
      await index.commit({ remove: [own.id], prune: 'all' });
      const withLess = await index.search(query, { k: 5, cursor: first.next });
      assert.deepEqual(withLess.hits, second.hits);
      await index.commit({ put: [original] });
      await index.commit({
        remove: await Promise.all(put.map(({ path, embedding }) => idOf(path, embedding))),
        prune: 'all',
      });
    });

    it('sees each commit, metadata alone included, through a filter that was used before', async () => {
      const filter = { mark: 'x' };
      assert.deepEqual(await paths(queries[3]!, 3, filter), []);
      const { embedding, ...known } = pictures[7]!;
      await index.commit({ put: [{ ...known, metadata: { ...known.metadata, mark: 'x' } }] });
      assert.deepEqual(await paths(queries[3]!, 3, filter), ['7.jpg']);
      assert.equal(embedding.length, dimension);
      await index.commit({ put: [known] });
      assert.deepEqual(await paths(queries[3]!, 3, filter), []);
    });

    it('filters images, not the vectors that they share', async () => {
      const twin = { ...pictures[3]!, path: 'twin.jpg', metadata: { twin: true } };
      await index.commit({ put: [twin] });
      assert.deepEqual(await paths(pictures[3]!.embedding, 2, { twin: true }), ['twin.jpg']);
      assert.deepEqual(await paths(pictures[3]!.embedding, 1, { twin: { $exists: false } }), ['3.jpg']);
      await index.commit({ remove: [await idOf('twin.jpg', twin.embedding)], prune: 'all' });
    });

    it('folds near-duplicates into the best of them', async () => {
      const query = queries[4]!;
      const [best] = (await index.search(query, { k: 1 })).hits;
      const original = pictures.find(({ path }) => path === best!.image.path)!;
      const copies = [1, 2, 3].map(i => ({
        ...{ path: `copy ${i}.jpg`, sha256: `${i}`.padStart(64, 'b'), size: 1, mtime: 1, metadata: { copy: true } },
        embedding: unit(original.embedding.map((x, j) => x + (j === i ? 0.02 : 0))),
      }));
      await index.commit({ put: copies });
      const { hits, next } = await index.search(query, { k: 3, collapse: 0.999 });
      const folded = [hits[0]!, ...hits[0]!.duplicates!].map(({ image }) => image.path);
      assert.deepEqual(folded.toSorted(), [original.path, ...copies.map(({ path }) => path)].toSorted());
      assert.deepEqual([hits[1]!.duplicates, hits[2]!.duplicates], [[], []]);
      const more = await index.search(query, { k: 3, collapse: 0.999, cursor: next });
      assert.equal(new Set([...hits, ...more.hits].map(({ image }) => image.id)).size, 6);
      await index.commit({
        remove: await Promise.all(copies.map(({ path, embedding }) => idOf(path, embedding))),
        prune: 'all',
      });
    });

    it('knows how near its pictures are to one another', async () => {
      assert.equal(await index.familiarity(1), 1);
      assert.equal(await index.familiarity(-1), 1 / 501);
      const nearest = (i: number) => truth(vector(i), 2, j => j !== i)[0]!;
      const scores = Array.from({ length: 20 }, (_, i) => dot(vector(i), vector(parseInt(nearest(i)))));
      const ranks = await Promise.all(scores.map(score => index.familiarity(score)));
      const mean = ranks.reduce<number>((sum, rank) => sum + rank!, 0) / ranks.length;
      assert.ok(Math.abs(mean - 0.5) < 0.2, String(mean));
    });

    it('lists what passes, page by page', async () => {
      const filter = readFilter({ u: { $lt: 0.01 } });
      const expected = pictures.filter((_, i) => u(i) < 0.01).map(({ path }) => path);
      const listed: string[] = [];
      let last = 0;
      for (let cursor: string | undefined; ;) {
        const { images, total, next } = await index.list({ limit: 7, filter, cursor });
        assert.equal(total, expected.length);
        for (const { id, path } of images) {
          assert.ok(id > last, 'in the order in which they were added');
          last = id;
          listed.push(path);
        }
        if (next === undefined) break;
        cursor = next;
      }
      assert.deepEqual(listed.toSorted(), expected.toSorted());
      await assert.rejects(index.list({ limit: 7, cursor: 'x' }), { code: 'CURSOR_INVALID' });
    });

    it('goes through equal scores without a gap or a repetition', async () => {
      const embedding = vector(count + 150);
      const twins = Array.from({ length: 30 }, (_, i) => ({
        ...{ path: `twin ${i}.jpg`, sha256: `${i}`.padStart(64, 'c'), size: 1, mtime: 1 },
        ...{ metadata: { equal: true }, embedding },
      }));
      await index.commit({ put: twins });
      // ids that go the other way than their vectors': the first picture has the last vector
      await index.commit({ put: twins.map((twin, i) => ({ ...twin, sha256: twins[29 - i]!.sha256 })) });
      const filter = readFilter({ equal: true }); // so that they are looked at one by one: graphs lose a few of many equals
      const seen: string[] = [];
      for (let cursor: string | undefined; seen.length < 30;) {
        const { hits, next } = await index.search(embedding, { k: 3, filter, cursor });
        seen.push(...hits.map(({ image }) => image.path));
        cursor = next;
      }
      assert.deepEqual(seen.toSorted(), twins.map(({ path }) => path).toSorted());
      await index.commit({
        remove: (await index.list({ limit: 30, filter })).images.map(({ id }) => id),
        prune: 'all',
      });
    });

    it('refuses what cannot be', async () => {
      const query = queries[0]!;
      const refused = (code: string, options: object) =>
        assert.rejects(index.search(query, { k: 3, ...options }), { code });
      const { next } = await index.search(query, { k: 3 });
      await refused('OPTION_INVALID', { k: 0 });
      await refused('OPTION_INVALID', { k: 1.5 });
      await refused('OPTION_INVALID', { offset: -1 });
      await refused('OPTION_INVALID', { minScore: NaN });
      await refused('OPTION_INVALID', { cursor: next, offset: 3 });
      await refused('CURSOR_INVALID', { cursor: 'nonsense' });
      await refused('CURSOR_INVALID', { cursor: '' });
      for (const other of [{ filter: readFilter({ u: 1 }) }, { minScore: 0 }, { collapse: 0.9 }])
        await refused('CURSOR_INVALID', { cursor: next, ...other });
      const written = (offset: number, collapse?: number, score = 0.5, id = 1) => ({
        collapse,
        cursor: printCursor(JSON.stringify([undefined, undefined, collapse]), {
          offset,
          score,
          image: { id, vectorId: id },
        }),
      });
      await refused('CURSOR_INVALID', written(0, undefined, -5, 1e9));
      const below = written(0, undefined, -1, 1e9);
      assert.deepEqual(await index.search(query, { k: 1, ...below }), { hits: [] });
      for (const [offset, collapse] of [[10_000, undefined], [2000, 0.9]] as const) {
        await index.search(query, { k: 3, ...written(offset, collapse) });
        await refused('CURSOR_INVALID', written(offset + 1, collapse));
      } // prettier-ignore
      await refused('FILTER_INVALID', { facets: ['a..b'] });
      await assert.rejects(index.search(query.subarray(1), { k: 3 }), { code: 'VECTOR_INVALID' });
    });
  });
}
