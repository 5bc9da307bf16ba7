import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../scripts/matvit.js', import.meta.url));

describe('what commands print', () => {
  it('has a code where it cannot be written', function () {
    if (!existsSync('/dev/full')) this.skip();
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [script, 'config'], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    assert.equal(status, 1);
    assert.match(stderr.toString(), /^matvit: [^\n]*: standard output: [^\n]+ \[STORAGE_FAILED\]\n$/);
  });

  it('has a code, and then the stack, when something went wrong inside', () => {
    const module = new URL('../../scripts/cli.js', import.meta.url).href;
    const program = `import(${JSON.stringify(module)}).then(({ report }) => report(new TypeError('odd')));`;
    const { status, stderr } = spawnSync(process.execPath, ['--eval', program]);
    assert.equal(status, 1);
    assert.match(
      stderr.toString(),
      /^matvit: Something went wrong inside matvit: odd \[INTERNAL\]\nTypeError: odd\n +at /,
    );
  });
});
