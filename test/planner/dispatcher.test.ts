import assert from 'node:assert/strict';
import { Dispatcher, type Job, type Served } from '../../src/planner/dispatcher.js';
import { Planner } from '../../src/planner/planner.js';
import { MatvitError } from '../../src/errors.js';
import { rejectsCode } from '../support/rejects.js';
import { random } from '../../src/training/random.js';
import { five, fiveOrAlone, latencyOf } from './profiles.js';
import { VirtualClock } from './virtual-clock.js';

interface Times {
  readonly decodeMs: number;
  readonly encodeMs: number;
  readonly cores: number;
}

/** A dispatcher over the five points of profiles.ts, which take `machine.slow` times as long as they were calibrated. */
function setUp({ slots = 1, capacity = 64, answerMs = 0, fail = new Map<string, Error>(), points = five } = {}) {
  const clock = new VirtualClock();
  const latency = latencyOf(points, slots, { p50: answerMs, p95: answerMs });
  // whatever is not on the frontier is half of b
  const planner = new Planner(points, latency, () => ({ point: 1, times: 0.5, isClose: true }));
  const started: { name: string; at: string; alone: boolean; ms: number }[] = [];
  const machine = { slow: 1 };
  const dispatcher = new Dispatcher<string, Times>({
    planner,
    slots,
    capacity,
    clock,
    run: async (name, at, alone) => {
      started.push({ name, at, alone, ms: clock.now() });
      const { decodeMs, encodeMs, encodeAloneMs = encodeMs } = points.find(point => point.at === at) ?? points.at(-1)!;
      const encode = alone ? encodeAloneMs : encodeMs;
      const times = {
        decodeMs: decodeMs.p50 * machine.slow,
        encodeMs: encode.p50 * machine.slow,
        cores: alone ? 2 : 1,
      };
      await clock.sleep(times.decodeMs + times.encodeMs);
      const error = fail.get(name);
      if (error) throw error;
      return times;
    },
  });
  const ask = (name: string, job: Partial<Job<string>> = {}): Promise<Served<Times>> =>
    dispatcher.submit({ input: name, client: 'c', arrivedAt: clock.now(), onMiss: 'degrade', ...job });
  const order = () => started.map(({ name, at }) => `${name} ${at}`);
  return { clock, latency, planner, dispatcher, ask, started, order, machine };
}

describe('Dispatcher', () => {
  it('gives a lone request the most faithful point that fits, and says so', async () => {
    const { clock, ask } = setUp();
    const asked = ask('x', { budgetMs: 25 });
    await clock.run();
    const { decision } = await asked;
    assert.deepEqual({ ...decision, predicted: undefined, budget: undefined }, {
      at: 'd', why: 'fits', alone: false, fidelity: 0.95, waiting: 0, rate: 0, waitMs: 0, predicted: undefined, budget: undefined,
    }); // prettier-ignore
    assert.equal(decision.budget?.ms, 25);
    assert.ok(Math.abs(decision.predicted.serviceMs - 20) < 1e-9);
  });

  it('lets a request that is alone have all cores, and gives it what fits because of that', async () => {
    const { clock, ask, started } = setUp({ slots: 2, points: fiveOrAlone });
    for (const [name, budgetMs] of [['x', 25], ['y', 15], ['z', 6]] as const) {
      await Promise.all([ask(name, { budgetMs }), clock.run()]);
    } // prettier-ignore
    await clock.run(clock.now() + 1000); // no more budgets are expected
    const [one, two] = [ask('one'), ask('two')];
    await clock.run();
    assert.deepEqual(
      started.map(({ name, at, alone }) => `${name} ${at}${alone ? ' alone' : ''}`),
      ['x full alone', 'y d alone', 'z b', 'one full alone', 'two full'],
    );
    const { predicted } = (await one).decision;
    assert.ok(Math.abs(predicted.serviceMs - 22) < 0.1 && predicted.encodeMs < (await two).decision.predicted.encodeMs);
  });

  it('keeps a slot from those without a budget while others come with one', async () => {
    const { clock, ask, started } = setUp({ slots: 2 });
    /** Asks for two without a budget, and a moment later for one with it: who began when, from then. */
    const order = async () => {
      const began = clock.now();
      const asked = [ask('a'), ask('b')];
      clock.schedule(began + 1, () => asked.push(ask('y', { budgetMs: 100 })));
      await clock.run();
      await Promise.all(asked);
      return started.splice(0).map(({ name, ms }) => `${name} ${Math.round(ms - began)}`);
    };
    assert.deepEqual(await order(), ['a 0', 'b 0', 'y 40']);
    assert.deepEqual(await order(), ['a 0', 'y 1', 'b 40']);
    await clock.run(clock.now() + 1000);
    assert.deepEqual(await order(), ['a 0', 'b 0', 'y 40']);
  });

  it('foresees with all cores what can be in time with them only', async () => {
    const { clock, ask } = setUp({ slots: 2, points: fiveOrAlone });
    const strict = { budgetMs: 25, minFidelity: 1, onMiss: 'reject' as const };
    const asked = ask('x', strict);
    await clock.run();
    assert.equal((await asked).decision.alone, true);
    const meanwhile = [ask('first'), rejectsCode('BUDGET_EXCEEDED', ask('second', strict))];
    await clock.run();
    await Promise.all(meanwhile);
  });

  it('sees again by a probe on all cores what they make possible, after a slow moment or after a crowd', async () => {
    const { clock, ask, machine, planner } = setUp({ slots: 2, points: fiveOrAlone });
    const strict = { budgetMs: 25, minFidelity: 1, onMiss: 'reject' as const };
    const rejects = async () => Promise.all([rejectsCode('BUDGET_EXCEEDED', ask('strict', strict)), clock.run()]);
    const isServed = async () => {
      await Promise.all([clock.sleep(2000), clock.run()]);
      const asked = ask('strict', strict);
      await clock.run();
      const { alone, why } = (await asked).decision;
      assert.deepEqual([alone, why], [true, 'probe']);
    };
    machine.slow = 2;
    for (let i = 0; i < 8; i++) await Promise.all([ask('slow'), clock.run()]);
    await rejects();
    machine.slow = 1;
    await isServed();
    for (let i = 0; i < 60; i++) await Promise.all([ask('one'), ask('two'), clock.run()]);
    assert.ok(planner.headroom.busy);
    await isServed();
  });

  it('gives one of several for one answer a core', async () => {
    const { clock, ask } = setUp({ slots: 2, points: fiveOrAlone });
    const asked = ask('x', { several: true });
    await clock.run();
    assert.equal((await asked).decision.alone, false);
  });

  it('has nobody take all cores where requests overlap', async () => {
    const { clock, ask, started } = setUp({ slots: 2, points: fiveOrAlone });
    for (let i = 0; i < 20; i++) {
      const both = [ask('one'), ask('two')];
      await clock.run();
      await Promise.all(both);
    }
    started.length = 0;
    await Promise.all([ask('alone again'), clock.run()]);
    assert.deepEqual(started.map(({ alone }) => alone), [false]); // prettier-ignore
    for (let i = 0; i < 200; i++) await Promise.all([ask('and again'), clock.run()]);
    assert.equal(started.at(-1)!.alone, true);
  });

  it('chooses when a slot is free, from what is left of the budget', async () => {
    const { clock, ask, order, started } = setUp();
    const first = ask('first', { budgetMs: 45 });
    const second = ask('second', { budgetMs: 61 });
    await clock.run();
    assert.deepEqual(order(), ['first full', 'second d']); // 61 - 40 ms
    assert.equal(started[1]!.ms, 40);
    const { decision } = await second;
    assert.equal(decision.waitMs, 40);
    assert.ok(Math.abs(decision.budget!.slackMs - 21) < 0.01);
    assert.equal((await first).decision.waiting, 0); // it had the slot before the second came
  });

  it('shares the slack with those behind', async () => {
    const { clock, ask, order } = setUp();
    void ask('busy', { at: 'a' });
    for (const name of ['x', 'y', 'z']) void ask(name, { budgetMs: 43 });
    await clock.run();
    assert.deepEqual(order(), ['busy a', 'x c', 'y c', 'z d']); // 41 / 3, 31 / 2, 21
  });

  it('leaves time for search and reply', async () => {
    const { clock, ask, order } = setUp({ answerMs: 4 });
    void ask('x', { budgetMs: 43 });
    await clock.run();
    assert.deepEqual(order(), ['x d']);
  });

  it('serves the full model without a budget, and the point that the request names', async () => {
    const { clock, ask } = setUp({ slots: 4 });
    const asked = [ask('x'), ask('y', { at: 'b' }), ask('z', { at: 'b', budgetMs: 2 }), ask('u', { at: 'M@96:int8' })];
    await clock.run();
    const decisions = (await Promise.all(asked)).map(({ decision }) => decision);
    assert.deepEqual(decisions.map(({ at, why }) => `${at} ${why}`), ['full no budget', 'b fixed', 'b fixed', 'M@96:int8 fixed']); // prettier-ignore
    assert.deepEqual(
      decisions.map(d => d.fidelity),
      [1, 0.75, 0.75, undefined],
    );
    assert.deepEqual(
      decisions.map(d => d.budget?.ms),
      [undefined, undefined, 2, undefined],
    );
  });

  it('degrades, rejects or takes its time when the budget is too small', async () => {
    const { clock, ask } = setUp({ slots: 3 });
    const degraded = ask('x', { budgetMs: 1 });
    const best = ask('y', { budgetMs: 1, onMiss: 'best' });
    await rejectsCode('BUDGET_EXCEEDED', ask('z', { budgetMs: 1, onMiss: 'reject' }));
    await rejectsCode('BUDGET_EXCEEDED', ask('z', { budgetMs: 10, at: 'full', onMiss: 'reject' }));
    await rejectsCode('BUDGET_EXCEEDED', ask('z', { budgetMs: 10, minFidelity: 0.9, onMiss: 'reject' }));
    await clock.run();
    assert.deepEqual([(await degraded).decision.at, (await degraded).decision.why], ['a', 'degraded']);
    assert.deepEqual([(await best).decision.at, (await best).decision.why], ['full', 'best']);
  });

  it('rejects as soon as it can foresee that no slot will be free in time', async () => {
    const { clock, ask, dispatcher } = setUp();
    void ask('busy'); // 40 ms
    await rejectsCode('BUDGET_EXCEEDED', ask('x', { budgetMs: 41, onMiss: 'reject' }));
    assert.equal(clock.now(), 0);
    const inTime = ask('y', { budgetMs: 43, onMiss: 'reject' });
    assert.equal(dispatcher.waiting, 1);
    await clock.run();
    assert.equal((await inTime).decision.at, 'a');
  });

  describe('after a slow moment', () => {
    /** Asks and waits for the answer: why its point was chosen, or the code of its error. */
    const outcome = async ({ ask, clock }: ReturnType<typeof setUp>, job: Partial<Job<string>>): Promise<string> => {
      const asked = ask('x', job).then(
        ({ decision }) => decision.why,
        (error: unknown) => (error as { code: string }).code,
      );
      await clock.run();
      return asked;
    };
    /** Predictions are of a machine twenty times slower. */
    const slowed = async (it = setUp()) => {
      it.machine.slow = 20;
      for (let i = 0; i < 40; i++) await outcome(it, { at: 'a' });
      assert.ok(it.latency.slowdown > 15, `${it.latency.slowdown}`);
      return it;
    };
    const strict = { budgetMs: 15, onMiss: 'reject' } as const;

    it('does not refuse for ever: when nothing has been served for a second it sees whether it is over', async () => {
      const it = await slowed();
      it.machine.slow = 1;
      assert.equal(await outcome(it, strict), 'BUDGET_EXCEEDED');
      await it.clock.run(it.clock.now() + 1000);
      const two = [it.ask('x', strict), it.ask('y', strict)];
      const refused = rejectsCode('BUDGET_EXCEEDED', two[1]!); // one at a time
      await it.clock.run();
      const { decision } = await two[0]!;
      assert.deepEqual([decision.at, decision.why], ['a', 'probe']);
      await refused;
      const outcomes: string[] = [];
      for (let i = 0; i < 40 && outcomes.at(-1) !== 'fits'; i++) outcomes.push(await outcome(it, strict));
      assert.equal(outcomes.at(-1), 'fits', outcomes.join());
      assert.ok(outcomes.slice(0, -1).every(why => why === 'probe'));
    });

    it('does so for searches that take longer, though plain ones are served all the time', async () => {
      const it = setUp();
      const filtered = { ...strict, followUp: 'elaborate' } as const;
      for (let i = 0; i < 40; i++) await outcome(it, filtered);
      for (let i = 0; i < 100; i++) it.latency.observeSearch(300, 'elaborate');
      const outcomes = new Set<string>();
      for (let i = 0; i < 30; i++) {
        await it.clock.run(it.clock.now() + 100);
        assert.equal(await outcome(it, { at: i % 2 === 0 ? 'a' : 'off' }), 'fixed');
        outcomes.add(await outcome(it, filtered));
      }
      assert.deepEqual(outcomes, new Set(['BUDGET_EXCEEDED', 'probe']));
    });

    it('keeps to the fidelity and the point asked for', async () => {
      const it = await slowed();
      it.machine.slow = 1;
      for (const [job, at] of [
        [{ minFidelity: 0.8 }, 'c'],
        [{ at: 'b' }, 'b'],
      ] as const) {
        await it.clock.run(it.clock.now() + 1000);
        assert.equal(await outcome(it, { ...strict, ...job }), 'probe');
        assert.equal(it.started.at(-1)!.at, at);
      }
    });

    it('knows what the machine can do, whatever its calibration says', async () => {
      // calibrated on an unsteady machine, which has been steady since
      const unsteady = five.map(({ decodeMs, encodeMs, ...rest }) => ({
        ...rest,
        decodeMs: { p50: decodeMs.p50, p95: 3 * decodeMs.p50 },
        encodeMs: { p50: encodeMs.p50, p95: 3 * encodeMs.p50 },
      }));
      const it = setUp({ points: unsteady, answerMs: 0.5 });
      const tight = { budgetMs: 4, onMiss: 'reject' } as const;
      for (let i = 0; i < 3000; i++) await outcome(it, { at: 'a' });
      assert.equal(await outcome(it, tight), 'fits');
      await slowed(it);
      it.machine.slow = 1;
      await it.clock.run(it.clock.now() + 1000);
      assert.equal(await outcome(it, tight), 'probe');
    });

    it('judges by what search and reply can take, not by what they took in that moment', async () => {
      const it = await slowed();
      for (let i = 0; i < 100; i++) it.latency.observeSearch(200);
      it.machine.slow = 1;
      await it.clock.run(it.clock.now() + 1000);
      for (let i = 0; i < 5; i++) assert.equal(await outcome(it, strict), 'probe'); // each was in time
    });

    it('is told nothing by one that fails, so that the next may try', async () => {
      const fail = new Map([['broken', new MatvitError('IMAGE_UNREADABLE', 'on purpose')]]);
      const it = await slowed(setUp({ fail }));
      it.machine.slow = 1;
      await it.clock.run(it.clock.now() + 1000);
      const broken = it.ask('broken', strict);
      const failed = rejectsCode('IMAGE_UNREADABLE', broken);
      await it.clock.run();
      await failed;
      assert.equal(await outcome(it, strict), 'probe');
    });

    it('is seldom late where refusing is right: on a machine that is slow now and then', async () => {
      const it = setUp();
      const draw = random(3);
      let late = 0;
      for (let i = 0; i < 6000; i++) {
        await it.clock.run(it.clock.now() + 100);
        it.machine.slow = draw.next() < 0.3 ? 20 : 1;
        const began = it.clock.now();
        const why = await outcome(it, strict);
        late += Number(why === 'probe' && it.clock.now() - began > strict.budgetMs);
      }
      assert.ok(late <= 20, `${late} in ten minutes`);
    });

    it('tries ever more seldom while it goes on, and never what no machine can do', async () => {
      const it = await slowed();
      const counts = new Map<string, number>();
      for (let i = 0; i < 6000; i++) {
        await it.clock.run(it.clock.now() + 100);
        assert.equal(await outcome(it, { ...strict, budgetMs: 1 }), 'BUDGET_EXCEEDED');
        const why = await outcome(it, strict);
        counts.set(why, (counts.get(why) ?? 0) + 1);
      }
      const probes = counts.get('probe')!;
      assert.ok(probes >= 10 && probes <= 17, `${probes} in ten minutes`);
      assert.equal(probes + counts.get('BUDGET_EXCEEDED')!, 6000);
    });
  });

  it('refuses at the last moment where a slot is held for longer than foreseen', async () => {
    const { clock, ask, machine } = setUp();
    machine.slow = 10;
    void ask('busy'); // 400 ms instead of 40
    const strict = rejectsCode('BUDGET_EXCEEDED', ask('x', { budgetMs: 43, onMiss: 'reject' }));
    await clock.run(43);
    await strict;
  });

  it('takes a point that is not on the frontier for what it is like', async () => {
    const { clock, ask } = setUp();
    const asked = { at: 'M@96:int8', onMiss: 'reject' } as const;
    await rejectsCode('BUDGET_EXCEEDED', ask('x', { ...asked, budgetMs: 2.9 }));
    const served = ask('y', { ...asked, budgetMs: 3.1 }); // 1 + 4 / 2
    await clock.run();
    const { predicted } = (await served).decision;
    assert.ok(Math.abs(predicted.decodeMs - 1) < 1e-9 && Math.abs(predicted.encodeMs - 2) < 1e-9);
  });

  it('counts no load but what wants a slot', async () => {
    const { clock, ask } = setUp({ slots: 2 });
    for (let i = 0; i < 50; i++)
      await rejectsCode('BUDGET_EXCEEDED', ask('never', { budgetMs: 1, onMiss: 'reject', client: 'd' }));
    const asked = ask('x', { budgetMs: 100 });
    await clock.run();
    assert.equal((await asked).decision.rate, 0);
  });

  it('counts neither as load nor as waiting that a picture had to be fetched', async () => {
    const { clock, ask } = setUp();
    await clock.run(300);
    const asked = ask('x', { arrivedAt: 0, budgetMs: 1000 });
    await clock.run();
    const { rate, waitMs, budget } = (await asked).decision;
    assert.deepEqual([rate, waitMs, Math.round(budget!.slackMs)], [0, 0, 700]);
  });

  it('is busy where requests wait for its only slot, until it is told to forget', async () => {
    const { clock, ask, planner } = setUp();
    for (let i = 0; i < 50; i++) {
      for (const name of ['first', 'second']) void ask(name, { at: 'a' });
      await clock.run();
    }
    assert.ok(planner.headroom.busy);
    planner.forgetLoad();
    assert.ok(!planner.headroom.busy);
    const asked = ask('x', { budgetMs: 100 });
    await clock.run();
    assert.equal((await asked).decision.rate, 0);
  });

  it('lets those who can be in time pass those who cannot', async () => {
    const { clock, ask, order } = setUp();
    void ask('busy', { at: 'd' }); // 20 ms
    void ask('lost', { budgetMs: 10 });
    void ask('later', { budgetMs: 60 });
    void ask('sooner', { budgetMs: 31 });
    await clock.run();
    assert.deepEqual(order(), ['busy d', 'sooner c', 'later d', 'lost a']);
  });

  it('drops those who have gone, before and while they wait, and serves on', async () => {
    const { clock, ask, order, dispatcher } = setUp();
    const [gone, early, running] = [new AbortController(), new AbortController(), new AbortController()];
    early.abort();
    const served = ask('busy', { signal: running.signal });
    await rejectsCode('REQUEST_ABORTED', ask('early', { signal: early.signal }));
    const waiting = ask('gone', { signal: gone.signal });
    void ask('next', { at: 'a' });
    await clock.run(10);
    gone.abort();
    running.abort(); // too late: it has its slot
    await rejectsCode('REQUEST_ABORTED', waiting);
    assert.equal(dispatcher.waiting, 1);
    await clock.run();
    await served;
    assert.deepEqual(order(), ['busy full', 'next a']);
  });

  it('hands on what a run throws and frees its slot', async () => {
    const { clock, ask, dispatcher, latency } = setUp({
      fail: new Map([['bad', new RangeError('bad')]]),
    });
    const bad = ask('bad');
    const good = ask('good', { budgetMs: 100 });
    const failed = assert.rejects(bad, RangeError);
    await clock.run();
    await failed;
    await good;
    assert.deepEqual([dispatcher.waiting, dispatcher.serving], [0, 0]);
    assert.ok(latency.errors.encode.median < 1e-9); // learned from the good one alone
  });

  it('refuses what does not fit in the room', async () => {
    const { clock, ask, dispatcher } = setUp({ capacity: 2 });
    void ask('busy');
    const asked = ['x', 'y'].map(name => ask(name, { budgetMs: 1000 }));
    await rejectsCode('QUEUE_FULL', ask('z', { budgetMs: 1000 }));
    const flooded = assert.rejects(asked[1]!, { code: 'QUEUE_FULL' }); // c has most, and y is due last
    const other = ask('other', { budgetMs: 1000, client: 'd' });
    assert.deepEqual([dispatcher.waiting, dispatcher.serving], [2, 1]);
    await clock.run();
    await Promise.all([asked[0], flooded, other]);
  });

  it('never uses more slots than there are, and all of them when there is work', async () => {
    const { clock, ask, started } = setUp({ slots: 3 });
    for (let i = 0; i < 9; i++) void ask(`${i}`, { at: 'd' });
    await clock.run();
    assert.deepEqual(started.map(({ ms }) => ms), [0, 0, 0, 20, 20, 20, 40, 40, 40]); // prettier-ignore
  });

  it('leaves more room after a miss', async () => {
    const clock = new VirtualClock();
    const planner = new Planner(five, latencyOf(five, 1));
    const run = async () => {
      await clock.sleep(30); // 20 were predicted
      return { decodeMs: 2, encodeMs: 28, cores: 1 };
    };
    const dispatcher = new Dispatcher<string, Times>({ planner, slots: 1, capacity: 1, clock, run });
    const asked = dispatcher.submit({ input: 'x', client: 'c', arrivedAt: 0, budgetMs: 25, onMiss: 'degrade' });
    await clock.run();
    assert.equal((await asked).decision.at, 'd');
    assert.ok(planner.headroom.factor > 1.09);
  });
});
