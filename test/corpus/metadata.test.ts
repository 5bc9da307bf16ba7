import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderMetadata, readMetadata } from '../../src/corpus/metadata.js';

describe('metadata', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'matvit-metadata-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const read = async (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return Object.fromEntries(await readMetadata(join(folder, name)));
  };

  it('is the name of the folder by default', () => {
    assert.deepEqual(folderMetadata('cats/1.jpg'), { label: 'cats' });
    assert.deepEqual(folderMetadata('animals/cats/1.jpg'), { label: 'cats' });
    assert.deepEqual(folderMetadata('1.jpg'), {});
  });

  it('is read from CSV, with types', async () => {
    const csv =
      '\ufeffpath,label,price,code,sold,note,size\r\n' +
      './a/1.jpg,7,1.50,007,true,"two\nlines, one ""field""",-3\r\n' +
      '\r\n' +
      'b\\2.jpg,,12345678901234567890,1e5,TRUE,,0\r\n';
    assert.deepEqual(await read('m.csv', csv), {
      'a/1.jpg': { label: '7', price: 1.5, code: '007', sold: true, note: 'two\nlines, one "field"', size: -3 },
      'b/2.jpg': { price: '12345678901234567890', code: '1e5', sold: 'TRUE', size: 0 },
    });
  });

  it('is read from JSON lines', async () => {
    const lines = '{"path":"a.jpg","label":"x","tags":["p","q"],"n":1}\r\n\n{"path":"b//c.jpg"}';
    assert.deepEqual(await read('m.jsonl', lines), { 'a.jpg': { label: 'x', tags: ['p', 'q'], n: 1 }, 'b/c.jpg': {} });
    assert.deepEqual(await read('m.NDJSON', ''), {});
  });

  const refused: [name: string, content: string | Uint8Array, message: RegExp][] = [
    ['no-path.csv', 'file,label\na.jpg,x\n', /line 2: there is no path/],
    ['columns.csv', 'path,label\na.jpg,x\nb.jpg,x,y\n', /line 3/],
    ['quote.csv', 'path,label\na.jpg,"x\n', /line \d/],
    ['twice.csv', 'path,label\na.jpg,x\n./a.jpg,y\n', /line 3: a.jpg has metadata already/],
    ['outside.csv', 'path,label\n../a.jpg,x\n', /line 2/],
    ['absolute.csv', 'path,label\n/a.jpg,x\n', /line 2/],
    ['broken.jsonl', '{"path":"a.jpg"}\n{"path":\n', /line 2/],
    ['array.jsonl', '\n["a.jpg"]\n', /line 2: it is not a JSON object/],
    ['number.jsonl', '{"path":5}\n', /line 1/],
    ['m.txt', 'path\n', /neither .csv nor .jsonl/],
    ['latin1.csv', Buffer.from('path,label\na.jpg,\xe9\n', 'latin1'), /latin1.csv/],
  ];
  for (const [name, content, message] of refused)
    it(`refuses ${name}`, () => assert.rejects(read(name, content), { code: 'METADATA_INVALID', message }));

  it('refuses a file that is not there', () =>
    assert.rejects(readMetadata(join(folder, 'none.csv')), { code: 'FILE_UNREADABLE' }));
});
