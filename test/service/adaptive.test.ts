import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { MatvitError } from '../../src/errors.js';
import { type Calibration, uncalibrated } from '../../src/planner/calibration.js';
import type { Worker } from 'node:worker_threads';
import type { Cost } from '../../src/search/cost.js';
import { type SearchAnswer, Searcher } from '../../src/search/searcher.js';
import { Metrics } from '../../src/service/metrics.js';
import { type RunningServer, startServer } from '../../src/service/server.js';
import { codeOf, testService } from '../support/service.js';
import { smallSearcher } from '../support/small.js';
import { temporaryFolder } from '../support/temporary.js';

const full = 'XL@224:fp32';
const cheapest = 'S@96:int8';

/** Three points; how long they really take, the searcher learns. */
function calibrationOf(fingerprint: string): Calibration {
  const rbo = { [cheapest]: 0.5, 'M@160:fp32': 0.8, [full]: 1 };
  const points = Object.entries(rbo).map(([at, fidelity], i) => {
    const ms = { p50: 1 + i, p95: 2 + i };
    return { at, decodeMs: ms, encodeMs: ms, fidelity: { top1Agreement: 1, recallAt10: 1, rbo: fidelity } };
  });
  return { ...uncalibrated(fingerprint, full), points };
}

describe('searching within a latency budget, over HTTP', () => {
  const inFolder = temporaryFolder();
  let searcher: Searcher;
  let server: RunningServer;
  let picture: Uint8Array<ArrayBuffer>;
  before(async () => {
    const { encoder, index } = await smallSearcher(inFolder('.'), 24, 2);
    searcher = new Searcher(encoder, index, { calibration: calibrationOf(encoder.fingerprint), queue: 6 });
    await searcher.warmUp();
    picture = Uint8Array.from(await readFile(inFolder('pictures/2/005.png')));
  });
  after(() => searcher.close());
  const startWith = async (budgetMs?: number) => {
    server = await startServer(testService(searcher, { budget: budgetMs }));
  };
  beforeEach(() => {
    searcher.planner.forgetLoad(); // or a slot would be kept for the budgets of the test before
    return startWith();
  });
  afterEach(() => server.stop());

  const post = (query: string, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/v1/search?${query}`, { method: 'POST', body: picture, headers });
  const costOf = async (response: Response): Promise<Cost> => {
    assert.equal(response.status, 200, await response.clone().text());
    return ((await response.json()) as SearchAnswer).cost;
  };
  const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
  const until = async (line: RegExp) => {
    while (!line.test(await metrics())) await sleep(5);
  };
  const metric = async (line: RegExp): Promise<number> => {
    const text = await metrics();
    const match = line.exec(text);
    assert.ok(match, `${line} is not in ${text}`);
    return Number(match[1]);
  };
  const postJson = (path: string, json: unknown) =>
    fetch(server.url + path, {
      method: 'POST',
      body: JSON.stringify(json),
      headers: { 'Content-Type': 'application/json' },
    });
  /** The encoder keeps whoever asks it until it is released. */
  const holding = () => {
    const { encoder } = searcher as unknown as { encoder: { embed: Searcher['encoder']['embed'] } };
    const { embed } = encoder;
    let free = () => {};
    let calls = 0;
    const held = new Promise<void>(resolve => (free = resolve));
    encoder.embed = async (...how) => (calls++, await held, embed.apply(encoder, how));
    const release = () => {
      encoder.embed = embed;
      free();
    };
    return { release, calls: () => calls };
  };
  const inBase64 = () => ({ image: Buffer.from(picture).toString('base64') });

  it('gives the full model when there is time, and says what was expected and what came of it', async () => {
    const cost = await costOf(await post('budgetMs=50000'));
    assert.deepEqual([cost.at, cost.why, cost.fidelity, cost.waiting], [full, 'fits', 1, 0]);
    const { budget, predictedMs } = cost;
    assert.ok(budget && budget.ms === 50_000 && budget.met && budget.slackMs < 50_000, JSON.stringify(budget));
    assert.ok(Object.values(predictedMs).every(ms => ms > 0));
  });

  it('degrades, rejects or takes its time when there is none', async () => {
    const degraded = await costOf(await post('budgetMs=0.001'));
    assert.deepEqual([degraded.why, degraded.budget?.met], ['degraded', false]);
    const best = await costOf(await post('budgetMs=0.001&onMiss=best'));
    assert.deepEqual([best.at, best.why], [full, 'best']);
    const rejected = await post('budgetMs=0.001&onMiss=reject');
    assert.deepEqual([rejected.status, rejected.headers.get('retry-after')], [503, '1']);
    assert.equal(await codeOf(rejected), 'BUDGET_EXCEEDED');
  });

  it('takes the budget from a header too, and a field before it', async () => {
    const header = { 'X-Latency-Budget-Ms': '40000' };
    assert.equal((await costOf(await post('', header))).budget?.ms, 40_000);
    assert.equal((await costOf(await post('budgetMs=30000', header))).budget?.ms, 30_000);
  });

  it('keeps to the point that a request names, and to the least fidelity', async () => {
    const named = await costOf(await post('budgetMs=50000&at=S@112:int8'));
    assert.deepEqual([named.at, named.why], ['S@112:int8', 'fixed']);
    const wish = await costOf(await post('budgetMs=0.001&minFidelity=1&onMiss=best'));
    assert.equal(wish.fidelity, 1);
  });

  it('refuses budgets that make no sense', async () => {
    for (const query of [
      'budgetMs=0',
      'budgetMs=-1',
      'budgetMs=soon',
      'budgetMs=1e9',
      'minFidelity=2',
      'onMiss=panic',
    ]) {
      const response = await post(query);
      assert.deepEqual([response.status, await codeOf(response)], [400, 'REQUEST_INVALID'], query);
    }
    assert.equal(await metric(/matvit_searches_refused_total\{code="REQUEST_INVALID"\} (\d+)/), 6);
    assert.doesNotMatch(await metrics(), /matvit_budgets_total\{/); // it was no server's fault
    assert.equal((await post('', { 'X-Latency-Budget-Ms': 'soon' })).status, 400);
  });

  it('prices a point that is not on the frontier by one like it', async () => {
    const { predictedMs } = await costOf(await post('at=S@112:int8'));
    const whole = await costOf(await post(`at=${full}`));
    assert.ok(predictedMs.encode < whole.predictedMs.encode / 2, `${predictedMs.encode} ms`);
  });

  it("gives requests that leave the choice to it the server's budget, if they have none", async () => {
    await server.stop();
    await startWith(20_000);
    assert.equal((await costOf(await post(`at=${full}`))).budget, undefined);
    assert.equal((await costOf(await post(''))).budget?.ms, 20_000);
    assert.equal((await costOf(await post('budgetMs=30000'))).budget?.ms, 30_000);
  });

  it('shows the frontier with predictions for now', async () => {
    const answer = (await (await fetch(`${server.url}/v1/frontier`)).json()) as {
      points: { at: string; fidelity: { rbo: number }; predictedMs: { service: { p50: number; p95: number } } }[];
      slots: number;
      waiting: number;
    };
    assert.deepEqual([answer.points[0]!.at, answer.points.at(-1)!.at], [cheapest, full]);
    assert.deepEqual([answer.slots, answer.waiting], [2, 0]);
    for (const { predictedMs, fidelity } of answer.points)
      assert.ok(predictedMs.service.p50 > 0 && predictedMs.service.p95 >= predictedMs.service.p50 && fidelity.rbo <= 1);
  });

  it('counts what it answered, refused and missed', async () => {
    await post('budgetMs=50000');
    await post('budgetMs=0.001');
    await post('budgetMs=0.001&onMiss=reject');
    assert.equal(await metric(/matvit_searches_total\{at="XL@224:fp32",why="fits"\} (\d+)/), 1);
    assert.equal(await metric(/matvit_searches_refused_total\{code="BUDGET_EXCEEDED"\} (\d+)/), 1);
    assert.equal(await metric(/matvit_budgets_total\{met="true"\} (\d+)/), 1);
    assert.equal(await metric(/matvit_budgets_total\{met="false"\} (\d+)/), 2);
    assert.equal(await metric(/matvit_search_stage_seconds_count\{stage="encode"\} (\d+)/), 2);
    assert.equal(await metric(/matvit_queue_depth (\d+)/), 0);
    assert.ok((await metric(/matvit_prediction_error_ratio\{stage="encode"\} ([\d.e-]+)/)) > 0);
  });

  it('counts searches for which nothing is encoded', async () => {
    const vector = [...(await searcher.embed({ picture: Buffer.from(picture) })).vector];
    assert.equal((await postJson('/v1/search', { like: [{ id: 1 }], budgetMs: 50_000 })).status, 200);
    assert.equal((await postJson('/v1/search/vector', { vector })).status, 200);
    assert.equal((await postJson('/v1/search/vector', { vector, cursor: 'no such' })).status, 400);
    for (const x of [0, 1e308]) {
      const refused = await postJson('/v1/search/vector', { vector: vector.map(() => x) });
      assert.equal(((await refused.json()) as { code: string }).code, 'VECTOR_INVALID');
    }
    assert.equal(await metric(/matvit_searches_total\{at="none",why="none"\} (\d+)/), 2);
    assert.equal(await metric(/matvit_search_stage_seconds_count\{stage="total"\} (\d+)/), 2);
    assert.equal(await metric(/matvit_budgets_total\{met="true"\} (\d+)/), 1);
    assert.equal(await metric(/matvit_searches_refused_total\{code="CURSOR_INVALID"\} (\d+)/), 1);
  });

  it('forgets the prediction errors of a searcher that has been replaced', async () => {
    let current = searcher;
    const { registry } = new Metrics(() => current);
    const errors = /matvit_prediction_error_ratio\{stage="encode"\}/;
    await costOf(await post(''));
    assert.match(await registry.metrics(), errors);
    current = new Searcher(searcher.encoder, searcher.index);
    assert.doesNotMatch(await registry.metrics(), errors);
  });

  it('counts points that clients make up under one name', async () => {
    for (const at of ['S@112:int8', 'M@128:int8']) await costOf(await post(`at=${at}`));
    assert.equal(await metric(/matvit_searches_total\{at="other",why="fixed"\} (\d+)/), 2);
  });

  it('counts as a miss what fails inside, but not what is wrong with the request', async () => {
    const embed = searcher.encoder.embed.bind(searcher.encoder);
    searcher.encoder.embed = () => Promise.reject(new MatvitError('ENCODER_FAILED', 'for once'));
    try {
      assert.equal((await post('budgetMs=50000')).status, 500);
    } finally {
      searcher.encoder.embed = embed;
    }
    const broken = await fetch(`${server.url}/v1/search?budgetMs=50000`, { method: 'POST', body: 'no picture' });
    assert.equal(broken.status, 415);
    assert.equal(await metric(/matvit_budgets_total\{met="false"\} (\d+)/), 1);
  });

  it('stops encoding a search of many pictures when one of them cannot be read', async () => {
    const held = holding();
    try {
      const broken = { image: Buffer.from('no picture').toString('base64') };
      const asked = postJson('/v1/search', { like: [inBase64(), broken, inBase64(), inBase64(), inBase64()] });
      assert.equal((await asked).status, 415);
      while (searcher.load.serving > 1) await new Promise(resolve => setImmediate(resolve));
      assert.ok(searcher.load.waiting === 0 && held.calls() <= 1, `${held.calls()} encoded`);
    } finally {
      held.release();
    }
    while (searcher.load.serving > 0) await new Promise(resolve => setImmediate(resolve));
  });

  it('refuses what does not fit in the queue, at once and with a code', async () => {
    const responses = await Promise.all(Array.from({ length: 40 }, () => post('budgetMs=50000')));
    const refused = responses.filter(response => response.status !== 200);
    for (const response of refused) {
      assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '1']);
      assert.equal(await codeOf(response), 'QUEUE_FULL');
    }
    assert.ok(refused.length > 0 && responses.length - refused.length >= 6, `${refused.length} refused`);
    assert.deepEqual(searcher.load, { waiting: 0, serving: 0 });
  });

  it('drops requests whose client has gone', async () => {
    const { hostname, port } = new URL(server.url);
    // both slots are taken, and stay so until the others have come and gone
    const { release } = holding();
    try {
      const served = [post(''), post('')];
      while (searcher.load.serving < 2) await new Promise(resolve => setImmediate(resolve));
      const left = Array.from({ length: 6 }, (_, i) => {
        const path = `/v1/search?budgetMs=${i < 4 ? 1 : 50_000}`;
        const request = httpRequest({ hostname, port, path, method: 'POST' });
        request.on('error', () => undefined);
        request.end(picture);
        return request;
      });
      while (searcher.load.waiting < 6) await new Promise(resolve => setImmediate(resolve));
      await sleep(2);
      for (const request of left) request.destroy();
      while (searcher.load.waiting > 0) await new Promise(resolve => setImmediate(resolve));
      release();
      for (const response of served) assert.equal((await costOf(await response)).at, full);
    } finally {
      release();
    }
    assert.equal(await metric(/matvit_searches_refused_total\{code="REQUEST_ABORTED"\} (\d+)/), 6);
    assert.equal(await metric(/matvit_budgets_total\{met="false"\} (\d+)/), 4); // the others still had time
    assert.deepEqual(searcher.load, { waiting: 0, serving: 0 });
  });

  it('counts the searches of a batch that were done when the client went, and those that were not', async () => {
    const { hostname, port } = new URL(server.url);
    const { release, calls } = holding();
    try {
      const headers = { 'Content-Type': 'application/json' };
      const request = httpRequest({ hostname, port, path: '/v1/search/batch', method: 'POST', headers });
      request.on('error', () => undefined);
      // the first and the second are done at once, the last two are held
      const known = [1, 50_000].map(budgetMs => ({ like: [{ id: 1 }], budgetMs }));
      request.end(JSON.stringify({ queries: [...known, { like: [inBase64()] }, { like: [inBase64()] }] }));
      while (calls() < 2) await new Promise(resolve => setImmediate(resolve));
      await sleep(20);
      request.destroy();
      await until(/matvit_searches_refused_total\{code="REQUEST_ABORTED"\} 2$/m);
    } finally {
      release();
    }
    await until(/matvit_searches_refused_total\{code="REQUEST_ABORTED"\} 4$/m);
    assert.equal(await metric(/matvit_budgets_total\{met="false"\} (\d+)/), 1); // the other still had time
    assert.doesNotMatch(await metrics(), /matvit_(searches_total|search_stage_seconds_count)\{/);
  });

  it('counts embeddings of what cannot be fetched', async () => {
    const response = await postJson('/v1/embed', { url: 'http://pictures.example/1.jpg', budgetMs: 50 });
    assert.deepEqual([response.status, await codeOf(response)], [403, 'URL_FORBIDDEN']);
    assert.equal(await metric(/matvit_searches_refused_total\{code="URL_FORBIDDEN"\} (\d+)/), 1);
  });

  it('takes what encoding needs from the JSON of a body, and refuses it beside', async () => {
    const json = { like: [inBase64()], budgetMs: 50_000, at: 'S@112:int8' };
    assert.equal((await costOf(await postJson('/v1/search', json))).at, 'S@112:int8');
    for (const path of ['/v1/search?budgetMs=50', '/v1/search?k=3', '/v1/embed?onMiss=reject']) {
      const response = await postJson(path, path.startsWith('/v1/search') ? json : inBase64());
      assert.deepEqual([response.status, await codeOf(response)], [400, 'REQUEST_INVALID'], path);
    }
  });

  it('learns from batches and embeddings what they tell of a search, and no more', async () => {
    const { latency } = searcher.planner;
    const learned: string[] = [];
    const names = ['observeSearch', 'observeReply'] as const;
    for (const name of names) {
      const observe = latency[name].bind(latency);
      latency[name] = ms => {
        assert.ok(ms > 0);
        learned.push(name);
        observe(ms);
      };
    }
    try {
      await costOf(await post(''));
      assert.deepEqual(learned.splice(0), ['observeSearch', 'observeReply']);
      const batch = await postJson('/v1/search/batch', {
        queries: Array.from({ length: 12 }, () => ({ like: [inBase64()] })),
      });
      const { answers } = (await batch.json()) as { answers: { cost: Cost }[] };
      assert.ok(answers.every(({ cost }) => cost.ms.search > 0));
      assert.deepEqual(learned.splice(0), Array<string>(12).fill('observeSearch'));
      assert.equal((await postJson('/v1/embed', inBase64())).status, 200);
      assert.deepEqual(learned, ['observeReply']);
    } finally {
      for (const name of names) delete (latency as Partial<typeof latency>)[name]; // the class has its own
    }
    assert.equal(await metric(/matvit_search_stage_seconds_count\{stage="encode"\} (\d+)/), 14);
    assert.equal(await metric(/matvit_search_stage_seconds_count\{stage="search"\} (\d+)/), 13);
  });

  it('plans for all of a batch at once, whose answers are in time or late together', async () => {
    const queries = Array.from({ length: 6 }, () => ({ like: [inBase64()], budgetMs: 50_000 }));
    const { dispatcher } = searcher as unknown as {
      dispatcher: { submit: (job: { several: boolean }) => Promise<unknown> };
    };
    const { submit } = dispatcher;
    const { release, calls } = holding();
    const several: boolean[] = [];
    dispatcher.submit = job => (several.push(job.several), submit.call(dispatcher, job));
    const asked = postJson('/v1/search/batch', { queries });
    while (calls() < 2) await sleep(1);
    assert.deepEqual(searcher.load, { waiting: 4, serving: 2 });
    release();
    const { answers } = (await (await asked).json()) as { answers: { cost: Cost }[] };
    dispatcher.submit = submit;
    assert.deepEqual(several, Array<boolean>(6).fill(true));
    assert.equal(new Set(answers.map(({ cost }) => cost.ms.total)).size, 1);
  });

  it('fails the one search of a batch whose point is none', async () => {
    const queries = [
      { like: [inBase64()], at: 'Q@112' },
      { like: [inBase64()], budgetMs: 50_000 },
    ];
    for (const order of [queries, queries.toReversed()]) {
      const response = await postJson('/v1/search/batch', { queries: order });
      const { answers } = (await response.json()) as { answers: { code?: string; hits?: unknown[] }[] };
      const [failed, found] = order === queries ? answers : answers.toReversed();
      assert.equal(failed!.code, 'SUBMODEL_INVALID');
      assert.ok(found!.hits);
    }
  });

  it('is late with all of a batch if it is with one', async () => {
    const { release, calls } = holding();
    const asked = postJson('/v1/search/batch', {
      queries: [{ like: [inBase64()], budgetMs: 5 }, { like: [inBase64()] }],
    });
    while (calls() < 1) await sleep(1);
    await sleep(5);
    release();
    const { answers } = (await (await asked).json()) as { answers: { cost: Cost }[] };
    const [first] = answers;
    assert.deepEqual([first!.cost.budget?.ms, first!.cost.budget?.met], [5, false]);
  });

  it('loses none of the others when a worker is killed in the midst of a request, nor that one, and heals', async () => {
    const { threads, slots } = searcher.encoder as unknown as {
      threads: Set<Worker>;
      slots: Set<{ thread: Worker; job?: object }>;
    };
    let struck = 0;
    for (let round = 0; round < 5; round++) {
      // all of them find room: two served and six waiting
      const asked = Array.from({ length: 8 }, () => post('budgetMs=50000'));
      const busy = () => [...slots].find(({ job }) => job);
      while (!busy()) await new Promise(resolve => setImmediate(resolve));
      const victim = busy()!;
      const ended = new Promise(resolve => victim.thread.once('exit', resolve));
      victim.thread.postMessage(null); // it throws where nobody catches it
      for (const response of await Promise.all(asked)) {
        const { cost, hits } = (await response.json()) as SearchAnswer;
        assert.deepEqual([response.status, cost.at, hits.length > 0], [200, full, true]);
      }
      await ended;
      if (victim.job) struck++; // it took a request with it
      while (slots.size < 2) await new Promise(resolve => setImmediate(resolve));
      assert.equal(threads.size, 2);
    }
    assert.ok(struck > 0);
    assert.deepEqual(searcher.load, { waiting: 0, serving: 0 });
    assert.doesNotMatch(await metrics(), /matvit_searches_refused_total\{/);
  });
});
