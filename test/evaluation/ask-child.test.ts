import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { askChild } from '../../src/evaluation/ask-child.js';
import { temporaryFolder } from '../support/temporary.js';

describe('askChild', () => {
  const inFolder = temporaryFolder();
  let child: ChildProcess;
  beforeEach(async () => {
    await writeFile(
      inFolder('echo.mjs'),
      `process.on('message', said => (said === 'die' ? process.exit(3) : process.send(said)));
       process.on('disconnect', () => process.exit());`,
    );
    child = fork(inFolder('echo.mjs'));
  });
  afterEach(() => child.kill());

  it('returns one answer after another, and leaves no listeners', async () => {
    for (let i = 0; i < 20; i++) assert.equal(await askChild(child, i), i);
    assert.deepEqual([child.listenerCount('exit'), child.listenerCount('message')], [0, 0]);
  });

  it('says so when the child ends instead of answering, and when it had ended before', async () => {
    const lost = { code: 'INTERNAL', detail: 'echo.mjs ended without an answer (3)' };
    await assert.rejects(askChild(child, 'die'), lost);
    if (child.connected) await once(child, 'disconnect');
    await assert.rejects(askChild(child, 1), lost);
  });
});
