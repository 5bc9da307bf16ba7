import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { reasonOf, storageFailed } from '../src/errors.js';

const thrown = (path: string): unknown => {
  try {
    return readFileSync(path);
  } catch (error) {
    return error;
  }
};

describe('reasonOf', () => {
  it("says what is wrong with a file without Node's words around it", () => {
    assert.equal(reasonOf(thrown('/nowhere')), 'no such file or directory');
    assert.equal(reasonOf(thrown('/')), 'illegal operation on a directory');
  });

  it('takes other errors, and what is none, as they are', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED', errno: -111 });
    assert.equal(reasonOf(refused), 'connect ECONNREFUSED 127.0.0.1:1');
    assert.equal(reasonOf(new Error('odd')), 'odd');
    assert.equal(reasonOf('odd'), 'odd');
  });
});

describe('storageFailed', () => {
  it('names the file itself where it is another one', () => {
    const { detail } = storageFailed('backup.tar', thrown('/nowhere'));
    assert.equal(detail, 'backup.tar: no such file or directory (/nowhere)');
    assert.equal(storageFailed('/nowhere', thrown('/nowhere')).detail, '/nowhere: no such file or directory');
  });
});
