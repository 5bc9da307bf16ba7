import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scan } from '../../src/corpus/scan.js';
import { writeFiles } from './pictures.js';

describe('scan', () => {
  let folder: string;
  let root: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'matvit-scan-')));
    root = join(folder, 'root');
    mkdirSync(root);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const paths = async () => (await scan(root)).files.map(file => file.path);

  it('finds pictures by extension, in one order, with size and time', async () => {
    const names = [
      'b/1.JPG',
      'b/a/2.jpeg',
      'B.png',
      'ä.webp',
      'a.avif',
      'a/3.gif',
      'a b/4.tif',
      'a-b.tiff',
      'z/y/x/5.jpg',
    ];
    writeFiles(root, Object.fromEntries(names.map(name => [name, name])));
    utimesSync(join(root, 'B.png'), 1, 1234.5);
    const { files } = await scan(root);
    assert.deepEqual(
      files.map(file => file.path),
      [...names].sort(),
    );
    assert.deepEqual(files[0], { path: 'B.png', size: 5, mtime: 1_234_500 });
  });

  it('counts other files and passes over hidden ones', async () => {
    writeFiles(root, { 'a.jpg': '', 'notes.txt': '', 'x/jpg': '', 'x/b.svg': '', '.c.jpg': '', '.git/d.jpg': '' });
    const { files, ignored, failed } = await scan(root);
    assert.deepEqual([files.map(file => file.path), ignored, failed], [['a.jpg'], 3, []]);
  });

  it("leaves an index's thumbnails out, but not pictures beside an index", async () => {
    writeFiles(root, { 'a/catalogue.sqlite': '', 'a/thumbnails/00/1.webp': '', 'a/2.jpg': '', 'thumbnails/3.jpg': '' });
    assert.deepEqual(await paths(), ['a/2.jpg', 'thumbnails/3.jpg']);
  });

  it('walks each folder once, by its own path, whatever links there are', async () => {
    writeFiles(root, { 'z/1.jpg': '', 'z/deep/2.jpg': '' });
    writeFiles(folder, { 'outside/3.jpg': '', 'outside/sub/4.jpg': '', 'beside.jpg': '' });
    symlinkSync('z', join(root, 'a-link'));
    symlinkSync('../..', join(root, 'z', 'around'));
    symlinkSync('..', join(root, 'z', 'deep', 'up'));
    symlinkSync(join(folder, 'outside'), join(root, 'linked'));
    symlinkSync(join(folder, 'outside'), join(root, 'linked-again'));
    symlinkSync(root, join(folder, 'outside', 'sub', 'back'));
    assert.deepEqual(await paths(), ['linked/3.jpg', 'linked/sub/4.jpg', 'z/1.jpg', 'z/deep/2.jpg']);
  });

  it('follows links to files, and reports those that lead nowhere', async () => {
    writeFiles(folder, { 'outside.jpg': '12345', 'text.txt': '' });
    symlinkSync(join(folder, 'outside.jpg'), join(root, 'a.jpg'));
    symlinkSync(join(folder, 'text.txt'), join(root, 'text'));
    symlinkSync('gone.jpg', join(root, 'dangling.jpg'));
    symlinkSync('self.jpg', join(root, 'self.jpg'));
    symlinkSync('gone', join(root, 'gone'));
    const { files, ignored, failed } = await scan(root);
    assert.deepEqual(files, [{ path: 'a.jpg', size: 5, mtime: statSync(join(folder, 'outside.jpg')).mtimeMs }]);
    assert.equal(ignored, 1);
    assert.deepEqual(
      failed.map(({ path, code }) => [path, code]),
      [
        ['dangling.jpg', 'FILE_UNREADABLE'],
        ['gone/', 'FOLDER_UNREADABLE'], // perhaps a folder that is away
        ['self.jpg', 'FILE_UNREADABLE'],
      ],
    );
  });

  it('says of names that are not UTF-8 what to do', async function () {
    const nameless = (rest: string) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xe4]), Buffer.from(rest)]);
    try {
      writeFileSync(nameless('.jpg'), '');
    } catch {
      this.skip(); // a file system that has no such names
    }
    mkdirSync(nameless('-folder'));
    writeFiles(root, { 'a\ufffd.jpg': '' }); // a name like others
    const { files, failed } = await scan(root);
    const reason = 'its name is not UTF-8; rename it';
    assert.deepEqual(
      files.map(file => file.path),
      ['a\ufffd.jpg'],
    );
    assert.deepEqual(failed, [
      { path: '\ufffd-folder/', code: 'FOLDER_UNREADABLE', reason },
      { path: '\ufffd.jpg', code: 'FILE_UNREADABLE', reason },
    ]);
  });

  it('takes nothing but files and folders', async () => {
    mkdirSync(join(root, 'folder.jpg'));
    writeFiles(root, { 'folder.jpg/a.jpg': '' });
    execFileSync('mkfifo', [join(root, 'pipe.jpg')]);
    const { files, ignored } = await scan(root);
    assert.deepEqual([files.map(file => file.path), ignored], [['folder.jpg/a.jpg'], 1]);
  });

  it('takes a link to the folder itself, and gives its real place', async () => {
    writeFiles(root, { 'a.jpg': '' });
    symlinkSync(root, join(folder, 'link'));
    const found = await scan(join(folder, 'link'));
    assert.equal(found.root, root);
    assert.equal(found.files.length, 1);
  });

  it('refuses what is not a folder', async () => {
    writeFiles(root, { 'a.jpg': '' });
    for (const wrong of [join(root, 'none'), join(root, 'a.jpg')])
      await assert.rejects(scan(wrong), { code: 'FOLDER_UNREADABLE' });
  });
});
