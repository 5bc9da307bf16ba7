/** What filters select and facets count, in every database. */
import assert from 'node:assert/strict';
import type { Facet } from '../../src/catalogue/facets.js';
import type { Filter } from '../../src/catalogue/filter.js';
import type { Json, Metadata } from '../../src/catalogue/image.js';
import { fieldPath, readFilter } from '../../src/catalogue/parse-filter.js';
import { random } from '../../src/training/random.js';

/** A catalogue that holds the metadata of `rows`, each with its number as its only image's path. */
export interface Filtering {
  /** numbers of the rows that pass, ascending */
  matching(filter: Filter): Promise<number[]>;
  facet(path: readonly string[], limit: number, filter?: Filter): Promise<readonly Facet[]>;
}

export const rows: readonly Metadata[] = [
  { label: 'fruits', year: 1999, tags: ['red', 'sweet'], camera: { make: 'Canon', lens: { mm: 35 } }, ok: true },
  { label: 'fruits', year: 2000, tags: ['green'], camera: { make: 'Nikon' }, ok: false },
  { label: 'nuts', year: 2005.5, tags: [], ok: 1 },
  { label: 'nuts', year: '2005', tags: 'red', camera: null },
  { label: '2000', year: 2010, scores: [1, 20], pairs: [[1, 20], [10]], nested: [['red'], { a: 'red' }] },
  { label: ['fruits', 'nuts', 'fruits'], note: `it's "quoted" \\ 100% _ $ ? :x` },
  {},
  { label: null, year: -1e-7, 'naïve key': '日本', ok: 'true' },
  { label: 'Ωmega', year: 2 ** 53 - 1, note: '' },
  { label: '\u{1f34e}', note: '\u{ffff}', serial: 2 ** 60, huge: [1e21, 9.3e18] },
];

const cases: readonly [Json, number[]][] = [
  [{}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  [{ label: 'fruits' }, [0, 1, 5]],
  [{ label: { $eq: 'fruits' } }, [0, 1, 5]],
  [{ label: { $ne: 'fruits' } }, [2, 3, 4, 6, 7, 8, 9]],
  [{ label: { $in: ['fruits', 'nuts'] } }, [0, 1, 2, 3, 5]],
  [{ label: { $in: [] } }, []],
  [{ label: { $nin: ['fruits', null] } }, [2, 3, 4, 6, 8, 9]],
  [{ label: { $nin: [] } }, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  [{ label: 'FRUITS' }, []],
  [{ label: 'fruits', year: 2000 }, [1]],
  // types are kept apart
  [{ year: 2000 }, [1]],
  [{ year: '2005' }, [3]],
  [{ label: 2000 }, []],
  [{ ok: true }, [0]],
  [{ ok: 1 }, [2]],
  [{ ok: 'true' }, [7]],
  [{ ok: { $in: [true, 1, 'true', null] } }, [0, 2, 7]],
  [{ label: null }, [7]],
  [{ camera: null }, [3]],
  // ranges
  [{ year: { $gte: 2000, $lt: 2010 } }, [1, 2]],
  [{ year: { $gt: 2000, $lte: 2010 } }, [2, 4]],
  [{ year: { $lt: 0 } }, [7]],
  [{ year: { $gte: '2' } }, [3]],
  [{ year: { $gte: 2 ** 53 - 1 } }, [8]],
  // JSON writes 2 ** 60 as 1152921504606847000, which is another number
  [{ serial: 2 ** 60 }, [9]],
  [{ serial: { $ne: 2 ** 60 } }, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
  [{ serial: { $in: [2 ** 60, 'x', true] } }, [9]],
  [{ serial: { $gt: 2 ** 60 } }, []],
  [{ serial: { $gte: 2 ** 60, $lte: 2 ** 60 } }, [9]],
  [{ serial: { $lt: 2 ** 60 } }, []],
  [{ huge: 9.3e18 }, [9]],
  [{ huge: { $gt: 1e20, $lte: 1e21 } }, [9]],
  // ranges of text
  [{ label: { $gte: 'g' } }, [2, 3, 5, 8, 9]],
  [{ label: { $gt: 'Ω', $lt: '\u{ffff}' } }, [8]],
  [{ note: { $gte: '\u{fffe}' } }, [9]], // by code point, not by half characters
  [{ label: { $gte: '\u{10000}' } }, [9]],
  [{ ok: { $gte: 0 } }, [2]],
  // lists: one element for all of a range's bounds
  [{ tags: 'red' }, [0, 3]],
  [{ tags: { $ne: 'red' } }, [1, 2, 4, 5, 6, 7, 8, 9]],
  [{ scores: { $gt: 5, $lt: 15 } }, []],
  [{ scores: { $gt: 5, $lt: 25 } }, [4]],
  [{ nested: 'red' }, []],
  [{ nested: { $gte: 'a' } }, []],
  [{ pairs: { $gt: 5, $lt: 15 } }, []],
  [{ 'nested.a': 'red' }, []],
  [{ 'tags.0': 'red' }, []],
  // objects
  [{ 'camera.make': 'Canon' }, [0]],
  [{ 'camera.lens.mm': { $lte: 50 } }, [0]],
  [{ camera: 'Canon' }, []],
  [{ 'label.make': 'Canon' }, []],
  // presence
  [{ camera: { $exists: true } }, [0, 1, 3]],
  [{ camera: { $exists: false } }, [2, 4, 5, 6, 7, 8, 9]],
  [{ tags: { $exists: true } }, [0, 1, 2, 3]],
  [{ 'camera.make': { $exists: true } }, [0, 1]],
  // connectives
  [{ $or: [{ label: 'nuts' }, { year: { $lt: 2000 } }] }, [0, 2, 3, 5, 7]],
  [{ $and: [{ label: 'nuts' }, { year: { $gt: 2000 } }] }, [2]],
  [{ $nor: [{ label: 'nuts' }, { label: 'fruits' }] }, [4, 6, 7, 8, 9]],
  [{ $not: { label: 'fruits', year: 2000 } }, [0, 2, 3, 4, 5, 6, 7, 8, 9]],
  [{ $not: { $not: { label: 'fruits' } } }, [0, 1, 5]],
  [{ label: 'fruits', $or: [{ year: 1999 }, { year: 2000 }], $not: { tags: 'green' } }, [0]],
  // what would be an injection
  [{ note: `it's "quoted" \\ 100% _ $ ? :x` }, [5]],
  [{ note: `' OR 1=1 --` }, []],
  [{ note: `" || true || "` }, []],
  [{ note: '' }, [8]],
  [{ "x' OR '1'='1": 1 }, []],
  [{ 'a) OR (1=1': { $exists: true } }, []],
  [{ 'naïve key': '日本' }, [7]],
  [{ '*': 'fruits' }, []],
  [{ '[0]': { $exists: true } }, []],
];

export function filterContract(name: string, open: () => Promise<Filtering>): void {
  describe(`filters: ${name}`, () => {
    let filtering: Filtering;
    before(async () => {
      filtering = await open();
    });

    for (const [json, expected] of cases)
      it(JSON.stringify(json), async () => {
        assert.deepEqual(await filtering.matching(readFilter(json)), expected);
      });

    it('combines as sets do', async () => {
      const draw = random(9);
      const pick = () => cases[draw.below(cases.length)]!;
      for (let i = 0; i < 100; i++) {
        const [[a, inA], [b, inB], [c, inC]] = [pick(), pick(), pick()];
        const filter = readFilter({ $or: [{ $and: [a, b] }, { $not: c }] });
        const expected = rows.map((_, i) => i).filter(i => (inA.includes(i) && inB.includes(i)) || !inC.includes(i));
        assert.deepEqual(await filtering.matching(filter), expected);
      }
    });

    it('counts the values of a field', async () => {
      const facet = (field: string, limit = 20, filter?: Json) =>
        filtering.facet(fieldPath(field), limit, filter === undefined ? undefined : readFilter(filter));
      assert.deepEqual(await facet('label', 2), [
        { value: 'fruits', count: 3 },
        { value: 'nuts', count: 3 },
      ]);
      assert.deepEqual(await facet('label', 20, { tags: { $exists: true } }), [
        { value: 'fruits', count: 2 },
        { value: 'nuts', count: 2 },
      ]);
      assert.deepEqual(await facet('camera.make'), [
        { value: 'Canon', count: 1 },
        { value: 'Nikon', count: 1 },
      ]);
      const values = async (field: string, limit?: number) => (await facet(field, limit)).map(({ value }) => value);
      assert.deepEqual(await values('year'), [-1e-7, 1999, 2000, 2005.5, 2010, 2 ** 53 - 1, '2005']);
      assert.deepEqual(await values('year', 3), [-1e-7, 1999, 2000]);
      assert.deepEqual(await values('ok'), [false, 1, 'true', true]);
      assert.deepEqual(await facet('camera'), [{ value: null, count: 1 }]);
      assert.deepEqual(await facet('nested'), []);
      assert.deepEqual(await facet('nothing'), []);
    });
  });
}
