import assert from 'node:assert/strict';
import { writeFiles } from '../corpus/pictures.js';
import { temporaryFolder } from '../support/temporary.js';
import { json, output } from './run-matvit.js';

describe('matvit keys', function () {
  this.timeout(60_000);
  const inFolder = temporaryFolder();

  it('changes the file that the settings of a server name, whatever else they say', async () => {
    writeFiles(inFolder('.'), { 'a.json': JSON.stringify({ keys: inFolder('keys.json'), port: 'none' }) });
    const config = ['--config', inFolder('a.json')];
    assert.match(await output('keys', 'add', 'shop', ...config), /^matvit_[\w-]{43}\n$/);
    const { keys } = await json<{ keys: { name: string }[] }>('keys', 'list', '--keys', inFolder('keys.json'));
    assert.deepEqual(Object.keys(keys[0]!), ['name', 'access', 'created']);
    assert.match(await output('keys', 'list', ...config), /^shop {21}read {3}[\dT:.-]+Z\n$/);
    assert.equal(await output('keys', 'remove', 'shop', ...config), '');
    assert.equal(await output('keys', 'list', ...config), 'there are no keys\n');
  });
});
