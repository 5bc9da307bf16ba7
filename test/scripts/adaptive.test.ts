import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import type { ChoiceBench } from '../../src/evaluation/bench-choice.js';
import type { EscalationRow } from '../../src/evaluation/bench-escalation.js';
import type { BudgetRow } from '../../src/evaluation/load/bench-budget.js';
import type { LoadRow } from '../../src/evaluation/load/bench-load.js';
import { LoadRig } from '../../src/evaluation/load/rig.js';
import type { ServeProcess } from '../../src/evaluation/serve-process.js';
import { readModel } from '../../src/model/bundle.js';
import { type Calibration, uncalibrated } from '../../src/planner/calibration.js';
import type { SearchAnswer } from '../../src/search/searcher.js';
import { point } from '../planner/profiles.js';
import { writePictures, writeSmallModel } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';
import { expectError, json, output } from './run-matvit.js';

describe('matvit calibrate and what builds on it', function () {
  this.timeout(240_000); // many processes, which a busy machine may starve
  const inFolder = temporaryFolder();
  let onIndex: string[];
  before(async () => {
    onIndex = ['--index', inFolder('index'), '--model', inFolder('model')];
    await writeSmallModel(inFolder('model'));
    await writePictures(inFolder('pictures'), 12);
    await output('index', inFolder('pictures'), ...onIndex);
  });

  it('stores a calibration in the model or beside the index, and searches choose from it', async () => {
    const weights = await readFile(inFolder('model/model.safetensors'));
    const few = ['--queries', '3', '--rounds', '1'];
    const shipped = await json<Calibration>('calibrate', ...onIndex, ...few, '--defaults');
    const card = JSON.parse(await readFile(inFolder('model/model.json'), 'utf8')) as Record<string, unknown>;
    assert.deepEqual(card['calibration'], shipped);
    assert.equal(card['name'], 'small');
    assert.deepEqual(await readFile(inFolder('model/model.safetensors')), weights);
    const own = await json<Calibration>('calibrate', ...onIndex, ...few);
    assert.deepEqual(JSON.parse(await readFile(inFolder('index/calibration.json'), 'utf8')), own);
    assert.equal(own.points.at(-1)!.at, 'XL@224:fp32');

    const query = inFolder('pictures/2/005.png');
    const { cost } = await json<SearchAnswer>('search', query, ...onIndex, '--budget', '60000');
    assert.deepEqual([cost.why, cost.fidelity, cost.budget?.met], ['fits', 1, true]);
  });

  it('puts load on a server, each policy in turn', async () => {
    const load = [
      '--loads',
      'bursty-0.2',
      '--seconds',
      '1',
      '--capacity',
      '40',
      '--rounds',
      '2',
      '--lead-in',
      '1',
      '--rest',
      '0',
    ];
    const save = ['--save', inFolder('rows.json')];
    const { rows } = await json<{ rows: LoadRow[] }>('bench', 'load', ...onIndex, ...load, ...save);
    assert.ok(rows.length >= 2);
    for (const row of rows) {
      assert.deepEqual([row.requests, row.trace], [row.rate, 'bursty']); // of one second
      assert.ok(row.rate > 1 && row.rate < 24, `${row.rate}`);
      assert.ok(row.attainment >= 0 && row.attainment <= 1 && row.p50! > 0, JSON.stringify(row));
    }
    assert.deepEqual(JSON.parse(await readFile(inFolder('rows.json'), 'utf8')), rows);
  });

  it('is told when the server or the generator ends under load', async () => {
    const plan = { query: 'k=1', pictures: [await readFile(inFolder('pictures/2/005.png'))], arrivals: [0, 1000] };
    await LoadRig.use(onIndex, async rig => {
      const { server, generator } = rig as unknown as { server: ServeProcess; generator: ChildProcess };
      const running = rig.run(plan);
      server.child.kill('SIGKILL');
      await assert.rejects(running, { code: 'INTERNAL', detail: 'matvit serve ended under load' });
      const again = rig.run(plan);
      generator.kill('SIGKILL');
      await assert.rejects(again, { code: 'INTERNAL', detail: 'generator.js ended without an answer (SIGKILL)' });
    });
  });

  it('measures budgets', async () => {
    const { budgets, choice } = await json<{ budgets: BudgetRow[]; choice: ChoiceBench }>(
      'bench',
      'budget',
      ...onIndex,
      '--rounds',
      '1',
    );
    assert.deepEqual(budgets.map(({ budgetMs, requests }) => [budgetMs, requests]), [5, 8, 12, 20, 40].map(ms => [ms, 3])); // prettier-ignore
    assert.ok(Object.values(choice.dispatchUs).every(us => us > 0) && Number.isFinite(choice.switchMs));
  });

  it('compares a small point and a larger one after it with one point in the same time', async () => {
    const { fingerprint } = (await readModel(inFolder('model'))).checkpoint;
    const points = [point('S@96:fp32', 2, 8, 0.5), point('M@160:fp32', 5, 35, 0.8), point('XL@224:fp32', 10, 90, 1)];
    const calibration = { ...uncalibrated(fingerprint, 'XL@224:fp32'), points };
    await writeFile(inFolder('index/calibration.json'), JSON.stringify(calibration));
    const { rows } = await json<{ rows: EscalationRow[] }>('bench', 'escalation', ...onIndex, '--queries', '3');
    // only S and M fit into the time of another, 100 ms
    assert.equal(rows.length, 1);
    const { ms, single, escalated } = rows[0]!;
    assert.deepEqual([ms, single], [100, { at: 'XL@224:fp32', fidelity: 1 }]);
    assert.deepEqual([escalated.first, escalated.then], ['S@96:fp32', 'M@160:fp32']);
    assert.equal(escalated.ms, 10 + escalated.share * 40);
    for (const fidelity of [escalated.fidelity, escalated.sameMeanTime]) assert.ok(fidelity > 0 && fidelity <= 1);
  });

  it('refuses loads and budgets that make no sense', async () => {
    await expectError('OPTION_INVALID', 'bench', 'load', '--loads', 'steady-1');
    await expectError('OPTION_INVALID', 'search', 'x.png', '--budget', '0');
  });
});
