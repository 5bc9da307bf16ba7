import assert from 'node:assert/strict';
import { Threads } from '../../src/training/threads.js';
import { rejectsCode } from '../support/rejects.js';

/** A script whose threads do `first`, say that they are ready, and do `each` with every request. */
const script = (each: string, first = '') =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { parentPort as port, workerData } from 'node:worker_threads';
      import { setTimeout as sleep } from 'node:timers/promises';
      ${first}
      port.on('message', async request => {
        if (request === 'end') return port.close();
        ${each}
      });
      port.postMessage({ value: 'ready' });`)}`,
  );

describe('training threads', () => {
  const started: { end(): Promise<void> }[] = [];
  const start = async <Request>(script: URL, setups: readonly unknown[]): Promise<Threads<Request>> => {
    const threads = await Threads.start<Request>(script, setups);
    started.push(threads);
    return threads;
  };
  // a thread that is left running would keep the process from ending
  afterEach(() => Promise.all(started.splice(0).map(threads => threads.end())));

  it('are asked the same, and answer in their own order', async () => {
    const answering = script('await sleep(20 * workerData); port.postMessage({ value: request * workerData });');
    const threads = await start<number>(answering, [3, 2, 1]);
    assert.deepEqual(await threads.ask(10), [30, 20, 10]);
    assert.deepEqual(await threads.ask(1), [3, 2, 1]);
  });

  it('all finish before the error of one is thrown', async () => {
    const failing = script(`
      if (workerData.fails) return port.postMessage({ error: new Error('as told') });
      await sleep(100);
      workerData.done[workerData.index]++;
      port.postMessage({ value: null });`);
    const done = new Int32Array(new SharedArrayBuffer(12));
    const setups = [0, 1, 2].map(index => ({ index, done, fails: index === 1 }));
    const threads = await start<null>(failing, setups);
    await assert.rejects(threads.ask(null), { code: 'TRAINING_FAILED', message: /as told$/ });
    assert.deepEqual([...done], [1, 0, 1]);
  });

  it('that die when nothing is asked of them are not waited for', async () => {
    for (const [death, reason] of [
      [`throw new Error('out of luck')`, /out of luck/],
      ['process.exit(3)', /code 3/],
    ] as const) {
      const dying = script(`
        port.postMessage({ value: request });
        if (request === 'die' && workerData === 1) ${death};`);
      const threads = await start<string>(dying, [0, 1]);
      assert.deepEqual(await threads.ask('die'), ['die', 'die']);
      await assert.rejects(threads.ask('it may still be dying'), reason);
      await rejectsCode('WORKER_LOST', threads.ask('it is dead now'));
    }
  });

  it('are none if one of them cannot start', async () => {
    const starting = script('', `if (workerData === 1) throw new Error('no room');`);
    await assert.rejects(start(starting, [0, 1, 2]), { code: 'WORKER_LOST', message: /no room/ });
    await assert.rejects(start(starting, [0, () => 'what no thread can be given']), { name: 'DataCloneError' });
  });
});
