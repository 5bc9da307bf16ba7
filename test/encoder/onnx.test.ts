import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { OnnxEncoder } from '../../src/encoder/onnx.js';
import { MatvitError } from '../../src/errors.js';
import { parseOperatingPoint } from '../../src/model/operating-point.js';
import { maxDifference } from '../support/numbers.js';
import { rejectsCode } from '../support/rejects.js';
import { serveStatic } from '../support/serve.js';
import { submodel, tiny, tinyCheckpoint, tinyPixels } from '../support/tiny.js';
import { temporaryFolder } from '../support/temporary.js';
import { encoderContract } from './contract.js';

encoderContract('ONNX Runtime with one worker', checkpoint => OnnxEncoder.create(checkpoint, 1));
encoderContract('ONNX Runtime with two workers', checkpoint => OnnxEncoder.create(checkpoint, 2));

describe('the ONNX encoder in a process of its own', () => {
  const inFolder = temporaryFolder();

  it('tells nobody of itself, and leaves nothing in the home folder and the temporary one', () => {
    const [HOME, TMPDIR] = [inFolder('home'), inFolder('tmp')];
    for (const folder of [HOME, TMPDIR]) mkdirSync(folder);
    const script = `
      import { OnnxEncoder } from '${new URL('../../src/encoder/onnx.js', import.meta.url).href}';
      import { tinyCheckpoint } from '${new URL('../support/tiny.js', import.meta.url).href}';
      await (await OnnxEncoder.create(tinyCheckpoint(), 2)).close();`;
    const env = { ...process.env, HOME, TMPDIR, ORT_DISABLE_TELEMETRY: undefined };
    execFileSync(process.execPath, ['--input-type=module', '--eval', script], { env });
    assert.deepEqual([readdirSync(HOME), readdirSync(TMPDIR)], [[], []]);
  });
});

describe('the ONNX encoder', () => {
  const checkpoint = tinyCheckpoint();
  let encoder: OnnxEncoder;
  beforeEach(async () => (encoder = await OnnxEncoder.create(checkpoint, 2)));
  afterEach(() => encoder.close());

  const embed = async (seed: number, text: string, batch = 1): Promise<Float32Array> => {
    const point = parseOperatingPoint(tiny, text);
    return (await encoder.embed(tinyPixels(seed, batch, point.resolution), point)).vectors;
  };
  /** The code that a call failed with, or 'answered'. */
  const outcome = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => 'answered',
      (error: unknown) => (error instanceof MatvitError ? error.code : String(error)),
    );
  /** Sends every worker what makes it throw where nobody catches it, before it gets to what it was asked. */
  const killWorkers = async () => {
    const threads = [...encoder['threads']];
    const ends = threads.map(thread => new Promise(resolve => thread.once('exit', resolve)));
    for (const thread of threads) thread.postMessage(null);
    await Promise.all(ends);
  };

  it('says how many workers it has', () => {
    assert.equal(encoder.engine, 'onnx, 2 workers');
    assert.equal(encoder.concurrency, 2);
  });

  it("leaves busy cores to other threads first, where niceness is a thread's own", function () {
    if (process.platform !== 'linux') this.skip();
    const niceOf = (task: string) =>
      Number(readFileSync(`/proc/self/task/${task}/stat`, 'utf8').split(') ')[1]!.split(' ')[16]);
    const own = niceOf(String(process.pid));
    const nicer = readdirSync('/proc/self/task').filter(task => niceOf(task) === own + 10);
    assert.ok(nicer.length >= 2, `${nicer.length} threads`);
  });

  it('computes what a static graph of the submodel does, at both precisions', async () => {
    for (const precision of ['fp32', 'int8'] as const)
      for (const name of ['XL', 'L', 'M', 'S', 'S1-XL2']) {
        const serve = await serveStatic(checkpoint, submodel(name), precision);
        for (const resolution of [16, 24]) {
          const expected = await serve(tinyPixels(1, 1, resolution), resolution);
          const difference = maxDifference(await embed(1, `${name}@${resolution}:${precision}`), expected);
          assert.ok(difference < 1e-5, `${name}@${resolution}:${precision}: ${difference}`);
        }
      }
  });

  it('answers calls of every kind at the same time as it does one by one', async () => {
    const texts = ['XL', 'S', 'M1-L2@8', 'XL:int8', 'S@24:int8', 'L@32'];
    const calls = Array.from({ length: 48 }, (_, i) => {
      const text = texts[i % texts.length]!;
      return { seed: i, text, batch: text.endsWith('int8') ? 1 : 1 + (i % 4) };
    });
    const together = await Promise.all(calls.map(({ seed, text, batch }) => embed(seed, text, batch)));
    for (const [i, { seed, text, batch }] of calls.entries())
      assert.deepEqual(together[i], await embed(seed, text, batch), text);
  });

  it('refuses more than one picture at int8', async () => {
    await rejectsCode('REQUEST_INVALID', embed(1, 'S:int8', 2));
    assert.equal((await embed(1, 'S:int8', 1)).length, tiny.width);
  });

  it('fails the calls of workers that die, and replaces them for those that wait', async () => {
    const expected = await embed(1, 'XL', 50);
    for (let round = 0; round < 3; round++) {
      const calls = Array.from({ length: 12 }, () => embed(1, 'XL', 50));
      const outcomes = Promise.all(calls.map(outcome));
      await killWorkers();
      const seen = await outcomes;
      assert.ok(
        seen.every(result => result === 'answered' || result === 'WORKER_LOST'),
        seen.join(),
      );
      // two were being computed, and only those may be lost
      assert.ok(seen.filter(result => result !== 'answered').length <= 2, seen.join());
      for (const call of calls) await call.then(vectors => assert.deepEqual(vectors, expected)).catch(ignoreLost);
    }
    assert.deepEqual(await embed(1, 'XL', 50), expected);
    assert.equal(encoder['threads'].size, 2);
  });

  it('survives workers that die again while they start', async () => {
    const calls = Array.from({ length: 6 }, () => embed(1, 'XL', 20));
    const outcomes = Promise.all(calls.map(outcome));
    await killWorkers();
    await killWorkers(); // the replacements, which are not ready yet
    for (const result of await outcomes) assert.match(result, /^(answered|WORKER_LOST)$/);
    assert.equal(await outcome(embed(1, 'S')), 'answered');
  });

  it('gives all cores to a call that is alone and may have them, and to one after all workers were lost', async () => {
    const { cores } = encoder;
    const coresOf = async (mayHave: number) =>
      (await encoder.embed(tinyPixels(1, 1, 16), parseOperatingPoint(tiny, 'XL'), mayHave)).cores;
    assert.deepEqual([await coresOf(1), await coresOf(cores)], [1, cores]);
    assert.deepEqual(await Promise.all([cores, cores, cores].map(coresOf)), [cores, 1, 1]);
    await killWorkers();
    while (encoder['slots'].size < 2) await embed(1, 'S');
    assert.equal(await coresOf(cores), cores);
  });

  it('fails a call whose pixels went away with another one, and goes on', async () => {
    const point = parseOperatingPoint(tiny, 'XL');
    const blocking = [embed(1, 'XL', 20), embed(2, 'XL', 20)];
    const pixels = tinyPixels(3, 1, 16);
    const outcomes = await Promise.all([encoder.embed(pixels, point), encoder.embed(pixels, point)].map(outcome));
    assert.deepEqual(outcomes, ['answered', 'ENCODER_FAILED']);
    await Promise.all(blocking);
    assert.equal(await outcome(embed(1, 'S')), 'answered');
  });

  it('fails all calls while no worker can be started, and recovers', async () => {
    const models = encoder['setup'].models as { fp32: Uint8Array };
    const { fp32 } = models;
    models.fp32 = new Uint8Array(5); // nothing that a replacement could load
    const calls = Array.from({ length: 6 }, () => outcome(embed(1, 'XL', 20)));
    await killWorkers();
    for (const result of await Promise.all(calls)) assert.match(result, /^(answered|WORKER_LOST|ENCODER_FAILED)$/);
    assert.equal(await outcome(embed(1, 'S')), 'ENCODER_FAILED');
    models.fp32 = fp32;
    assert.equal(await outcome(embed(1, 'S')), 'answered');
  });

  it('starts one later that could not be replaced at once, though another works on', async () => {
    const models = encoder['setup'].models as { fp32: Uint8Array };
    const { fp32 } = models;
    models.fp32 = new Uint8Array(5);
    const [victim] = encoder['threads'];
    const ended = new Promise(resolve => victim!.once('exit', resolve));
    victim!.postMessage(null);
    await ended;
    while (encoder['threads'].size > 1) await new Promise(resolve => setImmediate(resolve)); // nor the replacement
    assert.equal(await outcome(embed(1, 'S')), 'answered');
    models.fp32 = fp32;
    while (encoder['slots'].size < 2) assert.equal(await outcome(embed(1, 'S')), 'answered');
    assert.equal(encoder['threads'].size, 2);
  });
});

function ignoreLost(error: unknown): void {
  if (!(error instanceof MatvitError)) throw error;
}
