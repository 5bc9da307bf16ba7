import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MatvitError } from '../../src/errors.js';
import { orderByImportance } from '../../src/graph/importance.js';
import type { Checkpoint } from '../../src/model/checkpoint.js';
import { readSafetensors } from '../../src/model/safetensors.js';
import { initialise } from '../../src/training/initialise.js';
import { type StepMetrics, type TrainingOptions, train } from '../../src/training/train.js';
import { rejectsCode } from '../support/rejects.js';
import { tiny } from '../support/tiny.js';
import { stripes, tinyConfig } from './synthetic.js';

describe('training', () => {
  let out: string;
  beforeEach(async () => (out = await mkdtemp(join(tmpdir(), 'matvit-train-'))));
  afterEach(() => rm(out, { recursive: true }));

  const pictures = stripes(60, 4);
  const init = initialise(tiny, 1);
  const options = (over: Partial<TrainingOptions> = {}): TrainingOptions => ({
    config: tinyConfig,
    init,
    teacher: init,
    pictures,
    out,
    resume: false,
    checkpointEvery: 1e9,
    ...over,
  });
  const run = async (over: Partial<TrainingOptions> = {}) => {
    const steps: StepMetrics[] = [];
    const result = await train(options({ onStep: metrics => steps.push(metrics), ...over }));
    return { result, steps };
  };
  const meanLoss = ({ passes }: StepMetrics) => passes.reduce((sum, pass) => sum + pass.loss, 0) / passes.length;

  it('regresses no teacher of another architecture', async () => {
    const teacher = initialise({ ...tiny, heads: 1 }, 1);
    await rejectsCode('CHECKPOINT_MISMATCH', run({ teacher, config: { ...tinyConfig, objective: 'distil' } }));
  });

  it('halves the joint loss of all four granularities', async () => {
    const saved: [string, number][] = [];
    const onSave = ({ fingerprint }: Checkpoint, steps: number) => {
      saved.push([fingerprint, steps]);
      return Promise.resolve();
    };
    const { steps, result } = await run({ onSave });
    assert.equal(result.steps, tinyConfig.steps);
    assert.deepEqual(saved, [[result.checkpoint.fingerprint, tinyConfig.steps]]);
    const tail = steps.slice(-5).map(meanLoss);
    assert.ok(
      tail.every(loss => loss < meanLoss(steps[0]!) / 2),
      `${meanLoss(steps[0]!)} -> ${tail.join()}`,
    );
    assert.deepEqual(
      steps[0]!.passes.map(pass => pass.submodel),
      ['XL', 'L', 'M', 'S'],
    );
    const lines = (await readFile(join(out, 'metrics.jsonl'), 'utf8')).trimEnd().split('\n');
    assert.equal(lines.length, tinyConfig.steps);
    assert.equal((JSON.parse(lines[0]!) as StepMetrics).step, 1);
  });

  it('halves the distance of the small submodels to their teacher', async () => {
    // a teacher with something to say: random, but of larger weights than the usual start
    const teacher = initialise(tiny, 7);
    for (const [name, data] of teacher.weights) if (name.endsWith('weight')) data.forEach((w, i) => (data[i] = 6 * w));
    const config = { ...tinyConfig, objective: 'distil' as const, learningRate: 3e-3, steps: 60 };
    const { steps } = await run({ config, init: teacher, teacher });
    const small = (metrics: StepMetrics) => metrics.passes.find(pass => pass.submodel === 'S')!.cosine!;
    const mean = (part: StepMetrics[]) => part.reduce((sum, metrics) => sum + small(metrics), 0) / part.length;
    assert.ok(
      mean(steps.slice(-5)) < mean(steps.slice(0, 5)) / 2,
      `${mean(steps.slice(0, 5))} -> ${mean(steps.slice(-5))}`,
    );
  });

  for (const objective of ['distil', 'joint'] as const)
    it(`resumes ${objective} as if it had not been interrupted, bit for bit`, async () => {
      const config = { ...tinyConfig, objective, steps: 8, views: 96 };
      const whole = await run({ config });
      const stopping = new AbortController();
      const first = await run({
        config,
        signal: stopping.signal,
        onStep: ({ step }) => step === 3 && stopping.abort(),
      });
      assert.equal(first.result.interrupted, true);
      const { tensors } = await readSafetensors(join(out, 'run.safetensors'));
      const asked = tensors.get('teacher')!.data.filter(x => x !== 0).length; // every view's embedding so far
      assert.equal(asked, objective === 'distil' ? 3 * config.batch * tiny.width : 0);
      const second = await run({ config, resume: true });
      assert.equal(second.steps[0]!.step, 4);
      assert.equal(second.result.checkpoint.fingerprint, whole.result.checkpoint.fingerprint);
    });

  it('stops where it diverges, before it spoils the last checkpoint', async () => {
    const config = { ...tinyConfig, learningRate: 1e30 };
    await rejectsCode('TRAINING_DIVERGED', run({ config, checkpointEvery: 0 }));
    const { tensors } = await readSafetensors(join(out, 'run.safetensors'));
    assert.ok([...tensors.values()].every(({ data }) => data.every(Number.isFinite)));
  });

  it('says why a run cannot be resumed', async () => {
    const config = { ...tinyConfig, steps: 2 };
    await run({ config });
    for (const over of [
      { config: { ...config, seed: 4 } },
      { init: initialise(tiny, 2) },
      { pictures: stripes(61, 4) },
    ])
      await assert.rejects(
        train(options({ config, ...over, resume: true })),
        (error: MatvitError) => error.code === 'RESUME_MISMATCH',
      );
  });

  it('ends a run sooner if it is rescheduled, and is the same run otherwise', async () => {
    const config = { ...tinyConfig, steps: 8, warmup: 2 };
    const stopping = new AbortController();
    await run({ config, signal: stopping.signal, onStep: ({ step }) => step === 3 && stopping.abort() });
    const shorter = { ...config, steps: 5 };
    await assert.rejects(
      train(options({ config: { ...shorter, seed: 4 }, resume: true, rescheduled: true })),
      (error: MatvitError) => error.code === 'RESUME_MISMATCH',
    );
    const { steps, result } = await run({ config: shorter, resume: true, rescheduled: true });
    assert.deepEqual(
      steps.map(({ step }) => step),
      [4, 5],
    );
    assert.equal(result.interrupted, false);
    assert.ok(steps[1]!.learningRate < steps[0]!.learningRate);
  });

  it('trains one granularity a step, or one submodel alone', async () => {
    const sampled = await run({ config: { ...tinyConfig, objective: 'sample', steps: 12 } });
    assert.ok(sampled.steps.every(({ passes }) => passes.length === 1));
    assert.ok(new Set(sampled.steps.map(({ passes }) => passes[0]!.submodel)).size > 1);
    const plain = await run({ config: { ...tinyConfig, objective: 'plain', submodel: [0, 0, 0], steps: 3 } });
    assert.ok(plain.steps.every(({ passes }) => passes[0]!.submodel === 'S'));
    // the neurons that S does not have are as they were
    const { checkpoint } = plain.result;
    const rows = (c: typeof checkpoint) => [...c.weights.get('layers.1.up.bias')!.subarray(4)];
    assert.deepEqual(rows(checkpoint), rows(init));
  });

  it('orders neurons without changing what they are', () => {
    const moments = Array.from({ length: 3 }, (_, l) => Float32Array.from({ length: 32 }, (_, j) => (j * 7 + l) % 32));
    const ordered = orderByImportance(init, moments);
    const sum = (data: Float32Array) => data.reduce((total, w) => total + w * w, 0);
    for (const part of ['up.weight', 'up.bias', 'down.weight']) {
      const name = `layers.0.${part}`;
      assert.ok(Math.abs(sum(ordered.weights.get(name)!) - sum(init.weights.get(name)!)) < 1e-5);
    }
    assert.notDeepEqual(ordered.weights.get('layers.0.up.weight'), init.weights.get('layers.0.up.weight'));
  });
});
