import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AbuseRow, attackNames, benchAbuse } from '../../src/evaluation/abuse/bench-abuse.js';
import { healthyPictures, hostile } from '../../src/evaluation/abuse/fuzz.js';
import { ServeProcess } from '../../src/evaluation/serve-process.js';
import { output } from '../scripts/run-matvit.js';
import { writePictures, writeSmallModel } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

describe('abuse', function () {
  this.timeout(240_000);
  const inFolder = temporaryFolder();
  let server: ServeProcess;
  let rows: AbuseRow[];
  before(async () => {
    await writeSmallModel(inFolder('model'));
    await writePictures(inFolder('pictures'), 6);
    const on = ['--index', inFolder('index'), '--model', inFolder('model')];
    await output('index', inFolder('pictures'), ...on);
    const quick = ['--request-timeout', '2', '--log-level', 'error', '--drain', '0'];
    server = await ServeProcess.start([...on, '--workers', '2', ...quick]); // whose memory is the same on every machine
    rows = await benchAbuse(server, { count: 60, pictures: 60, seconds: 1, side: 1000, seed: 2 });
  });
  after(() => server.stop());

  it('leaves the server alive, and other clients with their answers', () => {
    assert.deepEqual(rows.map(({ attack }) => attack), ['none', ...attackNames]); // prettier-ignore
    for (const row of rows) {
      assert.ok(row.survived && row.other.requests > 0, JSON.stringify(row));
      assert.equal(row.other.failures, 0, JSON.stringify(row));
      assert.ok(row.memory < 1.5e9, JSON.stringify(row));
    }
  });

  it('can be paused, and answers once it is resumed', async () => {
    server.pause();
    const answer = fetch(`${server.url}/healthz`).then(({ status }) => status);
    assert.equal(await Promise.race([answer, sleep(300)]), undefined);
    server.resume();
    assert.equal(await answer, 200);
  });

  it('gets answers that say what is wrong, never a failure of the server', () => {
    const allowed: Record<string, string[]> = {
      connections: ['200', '429', '503'],
      'slow clients': ['408'],
      'endless bodies': ['408', '413', '503', 'cut'], // a slow machine does not take in 32 MB within 2 s
      bombs: ['200', '413', '415', '422'],
      'hostile pictures': ['200', '413', '415', '422'],
    };
    for (const { attack, outcomes } of rows.slice(1))
      for (const outcome of Object.keys(outcomes))
        assert.ok(allowed[attack]!.includes(outcome), `${attack}: ${JSON.stringify(outcomes)}`);
    const [bombs] = rows.filter(({ attack }) => attack === 'bombs');
    assert.ok(bombs!.outcomes['413']! >= 6, JSON.stringify(bombs)); // two of each that is beyond the limits
  });

  it('damages pictures the same way for the same seed', async () => {
    const healthy = await healthyPictures();
    for (let i = 0; i < 20; i++) {
      assert.deepEqual(hostile(healthy, 1, i), hostile(healthy, 1, i));
      assert.notDeepEqual(hostile(healthy, 1, i), hostile(healthy, 2, i));
      assert.ok(healthy.every(picture => !picture.equals(hostile(healthy, 1, i))));
    }
  });
});
