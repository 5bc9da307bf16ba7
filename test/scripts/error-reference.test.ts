import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { errorReference } from '../../scripts/error-reference.js';

describe('docs/errors.md', () => {
  it('is what the error table says (npm run docs writes it)', async () => {
    assert.equal(await readFile('docs/errors.md', 'utf8'), errorReference());
  });
});
