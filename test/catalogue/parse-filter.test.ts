import assert from 'node:assert/strict';
import { fieldPath, parseFilter, readFilter } from '../../src/catalogue/parse-filter.js';

describe('parseFilter', () => {
  it('reads what it means', () => {
    assert.deepEqual(parseFilter('{"a.b": {"$gte": 1, "$lt": 2, "$ne": 1.5}}'), {
      kind: 'all',
      of: [
        { kind: 'not', of: { kind: 'in', path: ['a', 'b'], values: [1.5] } },
        { kind: 'range', path: ['a', 'b'], bounds: { $gte: 1, $lt: 2 } },
      ],
    });
  });

  const refused: readonly [string, RegExp][] = [
    ['{"year": {"$gte', /not JSON/],
    ['[]', /not an object/],
    ['"fruits"', /not an object/],
    ['null', /not an object/],
    ['{"year": [1, 2]}', /\$in/],
    ['{"year": {"$gtee": 1}}', /'\$gtee' is unknown; did you mean '\$gte'/],
    ['{"year": {"gte": 1}}', /did you mean '\$gte'/],
    ['{"year": {"$exist": true}}', /did you mean '\$exists'/],
    ['{"$orr": [{}]}', /did you mean '\$or'/],
    ['{"$eq": 1}', /between conditions.*'\$eq' is unknown; there are \$and/],
    ['{"year": {"$not": {"$gt": 1}}}', /\$not stands around/],
    ['{"year": {}}', /says nothing/],
    ['{"year": {"$in": "a"}}', /\$in: .*array/],
    ['{"year": {"$in": [[1]]}}', /\$in/],
    ['{"year": {"$exists": "yes"}}', /\$exists: .*boolean/],
    ['{"year": {"$gt": true}}', /\$gt/],
    ['{"year": {"$gt": 1, "$lt": "2"}}', /all numbers or all text/],
    ['{"year": 1e999}', /not a value/],
    ['{"$or": []}', /takes a list/],
    ['{"$and": {"a": 1}}', /takes a list/],
    ['{"$not": [{"a": 1}]}', /not an object/],
    ['{"": 1}', /not the name of a field/],
    ['{"a..b": 1}', /not the name of a field/],
    [String.raw`{"a\"b": 1}`, /not the name of a field/],
    [String.raw`{"a\u0000": 1}`, /not the name of a field/],
    [String.raw`{"\ud800": 1}`, /not the name of a field/],
    [String.raw`{"a.\udc00": {"$exists": true}}`, /not the name of a field/],
    [`{"${'x'.repeat(257)}": 1}`, /not the name of a field/],
    [String.raw`{"a": "\u0000"}`, /not a value/],
    [String.raw`{"a": "\ud800"}`, /not a value/],
    [`{"a": ${'{"$not": '.repeat(3)}1}}}}`, /stands around/],
    [`${'{"$not": '.repeat(9)}{}${'}'.repeat(9)}`, /nested deeper/],
    [`{"$or": [${Array.from({ length: 101 }, () => '{"a": 1}').join()}]}`, /more than 100/],
    [`{"a": {"$in": [${Array.from({ length: 1001 }, (_, i) => i).join()}]}}`, /\$in/],
    [`{"a": "${'x'.repeat(20_000)}"}`, /longer than/],
  ];
  for (const [source, message] of refused)
    it(`refuses ${source.slice(0, 60)}`, () => {
      assert.throws(() => parseFilter(source), { code: 'FILTER_INVALID', message });
    });

  it('refuses what only a program could pass', () => {
    for (const json of [undefined, () => 1, { a: undefined }, { a: NaN }, { a: 1n }, { a: [1n] }])
      assert.throws(() => readFilter(json), { code: 'FILTER_INVALID' });
  });

  it('refuses what is too long as a value too', () => {
    const $in = Array.from({ length: 1000 }, (_, i) => String(i).padStart(300, 'x'));
    assert.throws(() => readFilter({ a: { $in } }), { code: 'FILTER_INVALID', message: /longer than 256 KiB/ });
    assert.throws(() => readFilter({ $or: Array(101).fill({}) }), { code: 'FILTER_INVALID' });
  });

  it('reads names of fields', () => {
    assert.deepEqual(fieldPath('camera.make'), ['camera', 'make']);
    assert.throws(() => fieldPath('.'), { code: 'FILTER_INVALID' });
  });
});
