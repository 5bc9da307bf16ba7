import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Gives paths in a folder for the tests of the surrounding `describe`, deleted after them. */
export function temporaryFolder(): (name: string) => string {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'matvit-test-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  return name => join(folder, name);
}
