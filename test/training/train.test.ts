import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MatvitError } from '../../src/errors.js';
import { type Checkpoint, writeCheckpoint } from '../../src/model/checkpoint.js';
import { readSafetensors, writeSafetensors } from '../../src/model/safetensors.js';
import type { TrainingConfig } from '../../src/training/config.js';
import { initialise } from '../../src/training/initialise.js';
import { tableColumns } from '../../src/training/pictures.js';
import { type StepMetrics, type TrainingOptions, train } from '../../src/training/train.js';
import { rejectsCode } from '../support/rejects.js';
import { tiny } from '../support/tiny.js';
import { stripes, tinyConfig } from './synthetic.js';

describe('training', () => {
  let folder: string;
  /** of the run that was begun last */
  let out: string;
  let runs = 0;
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'matvit-train-'))));
  after(() => rm(folder, { recursive: true }));

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
    if (!over.resume) out = join(folder, `${runs++}`);
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
    const config = { ...tinyConfig, objective: 'distil' as const, learningRate: 3e-3, steps: 200 };
    const { steps } = await run({ config, init: teacher, teacher });
    const small = steps.flatMap(({ passes }) => passes.filter(pass => pass.submodel === 'S')).map(pass => pass.cosine!);
    const mean = (part: readonly number[]) => part.reduce((sum, distance) => sum + distance, 0) / part.length;
    const [first, last] = [mean(small.slice(0, 3)), mean(small.slice(-12))] as const;
    assert.ok(last < first / 2, `${first} -> ${last}`);
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

  it('stops where it diverges; the last checkpoint can be read, if there is one', async () => {
    const config = { ...tinyConfig, learningRate: 1e30 };
    const code = 'TRAINING_DIVERGED';
    await assert.rejects(run({ config }), { code, message: /step 2 is not finite; nothing was saved/ });
    await assert.rejects(run({ config, checkpointEvery: 0 }), { code, message: / --init .* encoder of step 1$/ });
    const distil = { ...config, objective: 'distil' as const };
    await assert.rejects(run({ config: distil, checkpointEvery: 0 }), { code, message: / the same --teacher / });
    await readSafetensors(join(out, 'run.safetensors')); // which refuses numbers that are not finite
  });

  it('says why a run cannot be resumed', async () => {
    const config = { ...tinyConfig, steps: 2 };
    await run({ config });
    const moved = { ...pictures, table: pictures.table.map((x, i) => (i % tableColumns === 3 ? i % 2 : x)) };
    const cases: [Partial<TrainingOptions>, RegExp][] = [
      [{ config: { ...config, seed: 4 } }, /made with seed 3, not 4$/],
      [{ config: { ...config, learningRate: 1, bank: 8 } }, /made with learningRate 0.005, not 1; bank 64, not 8$/],
      [{ config: { ...config, steps: 1 } }, /made with steps 2, not 1$/],
      [{ config: { ...config, steps: 1 }, rescheduled: true }, /has done 2 steps, more than 1$/],
      [{ init: initialise(tiny, 2) }, /made with initFingerprint "\w{64}", not "\w{64}"$/],
      [{ pictures: stripes(61, 4) }, /made with pictures "\w{64}", not "\w{64}"$/],
      [{ pictures: moved }, /made with pictures /], // from other sources, so that other ones are drawn
    ];
    for (const [over, reason] of cases)
      await assert.rejects(run({ config, ...over, resume: true }), { code: 'RESUME_MISMATCH', message: reason });
  });

  it('does not go on with a file that is not of a run', async () => {
    const config = { ...tinyConfig, steps: 2 };
    await run({ config });
    const file = join(out, 'run.safetensors');
    const { metadata, tensors } = await readSafetensors(file);
    for (const changed of [{ ...metadata, step: 'x' }, { ...metadata, identity: '{' }, {}]) {
      await writeSafetensors(file, { metadata: changed, tensors }, 'F32');
      await rejectsCode('CHECKPOINT_CORRUPT', run({ config, resume: true }));
    }
  });

  it('neither replaces a run unasked nor begins one that should have been there', async () => {
    const config = { ...tinyConfig, steps: 2 };
    await run({ config });
    const before = await readFile(join(out, 'run.safetensors'));
    await rejectsCode('RUN_EXISTS', train(options({ config })));
    assert.deepEqual(await readFile(join(out, 'run.safetensors')), before);
    out = join(folder, 'mistyped');
    await rejectsCode('RUN_MISSING', run({ config, resume: true }));
  });

  it('does not replace a finished model unasked', async () => {
    out = join(folder, 'finished');
    await mkdir(out);
    await writeCheckpoint(join(out, 'model.safetensors'), init, 'F32');
    const before = await readFile(join(out, 'model.safetensors'));
    await rejectsCode('RUN_EXISTS', train(options({ config: { ...tinyConfig, steps: 1 } })));
    assert.deepEqual(await readdir(out), ['model.safetensors']);
    assert.deepEqual(await readFile(join(out, 'model.safetensors')), before);
  });

  it('is the only one in its folder, for as long as it lasts', async () => {
    const config = { ...tinyConfig, steps: 2 };
    let another: Promise<void> | undefined;
    const beginAnother = () => void (another ??= rejectsCode('RUN_LOCKED', train(options({ config }))));
    await run({ config, onStep: beginAnother });
    await another;
    const { result } = await run({ config, resume: true });
    assert.equal(result.steps, 2);
  });

  it('ends with what a worker failed at, when all are done', async () => {
    const table = pictures.table.slice();
    table[5 * tableColumns] = pictures.pixels.byteLength; // one picture begins where there are no more
    const broken = { ...pictures, table };
    const failure = { code: 'TRAINING_FAILED', message: /outside of buffer bounds/ };
    await assert.rejects(run({ pictures: broken }), failure);
    assert.equal((await run({ config: { ...tinyConfig, steps: 1 } })).result.steps, 1);
  });

  it('has one line of metrics for each step, though some were done twice, and nothing unfinished', async () => {
    const config = { ...tinyConfig, steps: 6 };
    const stopping = new AbortController();
    await run({ config, signal: stopping.signal, onStep: ({ step }) => step === 3 && stopping.abort() });
    const metrics = join(out, 'metrics.jsonl');
    await appendFile(metrics, '{"step":4}\n{"step":5}\n{"st'); // done after the last checkpoint, and lost
    const end = `.${randomUUID()}.tmp`;
    for (const name of [`run.safetensors${end}`, `model.safetensors.new${end}${end}`, `notes${end}`])
      await appendFile(join(out, name), 'half of it'); // the last is not the run's
    await run({ config, resume: true });
    assert.deepEqual((await readdir(out)).sort(), ['metrics.jsonl', `notes${end}`, 'run.lock', 'run.safetensors']);
    const lines = (await readFile(metrics, 'utf8')).trimEnd().split('\n');
    const steps = lines.map(line => JSON.parse(line) as StepMetrics);
    assert.deepEqual(
      steps.map(({ step }) => step),
      [1, 2, 3, 4, 5, 6],
    );
    assert.ok(steps.every(({ passes }) => passes.length === 4));
  });

  it('refuses what cannot be trained', async () => {
    await rejectsCode('TRAINING_DATA', run({ pictures: stripes(8, 1) }));
    for (const wrong of [
      { workers: 3 },
      { views: 15 },
      { objective: 'distil' as const, views: 1e9 },
      { learningRate: 0 },
      { learningRate: NaN },
    ])
      await rejectsCode('OPTION_INVALID', run({ config: { ...tinyConfig, ...wrong } }));
    await rejectsCode('RESOLUTION_INVALID', run({ config: { ...tinyConfig, subResolutions: [[18, 1]] } }));
  });

  // by cosine alone: likeness and hidden states are of all views in a part
  const byCosine = { fullLoss: { cosine: 1, similarity: 0 }, subLoss: { cosine: 1, similarity: 0 }, hidden: 0 };
  for (const over of [{ objective: 'joint' }, { objective: 'distil', ...byCosine }] as const)
    it(`has the same gradient and loss however many workers and parts a batch is shared by (${over.objective})`, async () => {
      const figures: [norm: number, loss: number][] = [];
      const teacher = initialise(tiny, 7);
      for (const workers of [1, 2, 8]) {
        // two workers have parts of 8, 8 and 4 views
        const { steps } = await run({ config: { ...tinyConfig, ...over, batch: 40, workers, steps: 1 }, teacher });
        figures.push([steps[0]!.gradientNorm, meanLoss(steps[0]!)]);
      }
      for (const [norm, loss] of figures) {
        assert.ok(Math.abs(norm / figures[0]![0] - 1) < 1e-4, figures.join());
        assert.ok(Math.abs(loss / figures[0]![1] - 1) < 1e-5, figures.join());
      }
    });

  describe('by distillation', () => {
    const teacher = initialise(tiny, 7);
    for (const [name, data] of teacher.weights) if (name.endsWith('weight')) data.forEach((w, i) => (data[i] = 6 * w));
    const distil = { ...tinyConfig, objective: 'distil' as const, steps: 2 };
    const first = async (over: Partial<TrainingConfig>) => {
      const { steps } = await run({ config: { ...distil, ...over }, teacher });
      return steps;
    };

    it('compares views with those of the steps before, matches hidden states, and weighs the full model’s loss', async () => {
      const usual = await first({});
      const noBank = await first({ bank: 0 });
      assert.deepEqual(noBank[0]!.passes, usual[0]!.passes); // there are none before the first step
      for (const [i, pass] of noBank[1]!.passes.entries()) {
        assert.equal(pass.cosine, usual[1]!.passes[i]!.cosine);
        assert.ok(Math.abs(pass.loss - usual[1]!.passes[i]!.loss) > 1e-4);
      }
      const noHidden = await first({ hidden: 0 });
      const losses = (steps: StepMetrics[]) => steps[0]!.passes.map(({ loss }) => loss);
      const [xl, ...others] = losses(noHidden);
      const [usualXL, ...usualOthers] = losses(usual);
      assert.equal(xl, usualXL);
      others.forEach((loss, i) => assert.ok(loss < usualOthers[i]! - 1e-4, `${loss}, ${usualOthers[i]}`));
      // the heavier it is, the more the step's gradient is its own
      const norms = await Promise.all(
        [1, 1e4, 2e4].map(async fullWeight => (await first({ fullWeight }))[0]!.gradientNorm / fullWeight),
      );
      assert.ok(Math.abs(norms[1]! / norms[2]! - 1) < 1e-3 && Math.abs(norms[0]! / norms[2]! - 1) > 1e-2, norms.join());
    });

    it('decays towards the teacher, clips, and averages', async () => {
      const { steps, result } = await run({
        config: { ...distil, steps: 1, warmup: 1, learningRate: 1e-3, weightDecay: 1000, clip: 0.01 },
        teacher,
      });
      const { tensors } = await readSafetensors(join(out, 'run.safetensors'));
      const [weights, average, moment] = ['weights', 'average', 'firstMoment'].map(name => tensors.get(name)!.data);
      const anchors = [...teacher.weights.values()].flatMap(data => [...data]);
      const sorted = (data: Iterable<number>) => Float32Array.from(data).toSorted();
      const [got, expected] = [sorted(weights!), sorted(anchors)];
      got.forEach((w, i) => assert.ok(Math.abs(w - expected[i]!) < 2e-3, `${w}, ${expected[i]}`));
      assert.ok(steps[0]!.gradientNorm > 0.01);
      assert.ok(Math.abs(Math.sqrt(moment!.reduce((sum, m) => sum + m * m, 0)) - 0.1 * 0.01) < 1e-6);
      assert.notDeepEqual(average, weights);
      const written = [...result.checkpoint.weights.values()].flatMap(data => [...data]);
      assert.deepEqual(sorted(written), sorted(average!));
    });
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

  it('has other views when it is rescheduled only if it has one for each view of its steps', async () => {
    const every = (steps: number) => ({ ...tinyConfig, steps, views: steps * tinyConfig.batch });
    await run({ config: every(2) });
    const { steps } = await run({ config: every(3), resume: true, rescheduled: true });
    assert.equal(steps.length, 1);
    const distil = { ...every(2), objective: 'distil' as const };
    await run({ config: distil });
    const more = { ...every(3), objective: 'distil' as const };
    await assert.rejects(run({ config: more, resume: true, rescheduled: true }), { message: /views 32, not 48$/ });
    await run({ config: every(3) });
    const fewer = { ...every(4), views: 16 };
    await assert.rejects(run({ config: fewer, resume: true, rescheduled: true }), { message: /views 48, not 16$/ });
  });

  it('trains one granularity a step, or one submodel alone', async () => {
    const sampled = await run({ config: { ...tinyConfig, objective: 'sample', steps: 12 } });
    assert.ok(sampled.steps.every(({ passes }) => passes.length === 1));
    assert.ok(new Set(sampled.steps.map(({ passes }) => passes[0]!.submodel)).size > 1);
    const plain = await run({ config: { ...tinyConfig, objective: 'plain', submodel: [0, 0, 0], steps: 3 } });
    assert.ok(plain.steps.every(({ passes }) => passes[0]!.submodel === 'S'));
    // the neurons that S does not have are as they were
    const { checkpoint } = plain.result;
    for (const [name, row] of [
      ['up.weight', tiny.width],
      ['up.bias', 1],
      ['down.weight', tiny.width],
    ] as const)
      // prettier-ignore
      assert.deepEqual(
        checkpoint.weights.get(`layers.1.${name}`)!.subarray(4 * row),
        init.weights.get(`layers.1.${name}`)!.subarray(4 * row),
      );
  });
});
