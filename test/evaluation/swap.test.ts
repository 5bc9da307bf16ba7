import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { benchSwap } from '../../src/evaluation/bench-swap.js';
import { output } from '../scripts/run-matvit.js';
import { writePictures, writeSmallModel } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

describe('a hot swap and a stop under load', function () {
  this.timeout(120_000);
  const inFolder = temporaryFolder();

  it('fail no request', async () => {
    await writeSmallModel(inFolder('model'));
    const paths = await writePictures(inFolder('pictures'), 6);
    const on = ['--index', inFolder('index'), '--model', inFolder('model')];
    await output('index', inFolder('pictures'), ...on);
    const pictures = await Promise.all(
      paths.map(async (path, i) => ({ id: i + 1, bytes: await readFile(inFolder(`pictures/${path}`)) })),
    );
    const bench = await benchSwap({
      ...{ args: [...on, '--drain', '1', '--rate-limit', '0'], pictures, query: 'at=S@96' },
      ...{ rate: 50, seconds: 6, swaps: 1, seed: 1 },
    });
    assert.deepEqual([bench.requests, bench.failures, bench.exitCode], [300, {}, 0], JSON.stringify(bench));
    assert.equal(bench.swaps, 1);
    assert.equal(bench.answeredBy[0] + bench.answeredBy[1], 300);
    assert.ok(bench.answeredBy.every(count => count > 0), JSON.stringify(bench)); // prettier-ignore
  });
});
