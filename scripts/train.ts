import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import { MatvitError } from '../src/errors.js';
import { presets } from '../src/model/architecture.js';
import { type Source, provenanceOf, sourceAt, writeModel } from '../src/model/bundle.js';
import { checkSameArchitecture } from '../src/model/checkpoint.js';
import { parseSubmodel } from '../src/model/submodel.js';
import { type Objective, type TrainingConfig, checkConfig, objectives } from '../src/training/config.js';
import { initialise } from '../src/training/initialise.js';
import { loadPictures, tableColumns } from '../src/training/pictures.js';
import { labelledResolution, preset, sideFor, withGiven, workersFor } from '../src/training/presets.js';
import { checkRun, checkSameRun, readStart, startOf } from '../src/training/run-state.js';
import { type StepMetrics, train } from '../src/training/train.js';
import {
  defaultModel,
  interruption,
  notEmpty,
  number,
  positiveInteger,
  positiveNumber,
  progress,
  unread,
  workerCount,
} from './cli.js';

interface Options {
  images: string[];
  init?: string;
  teacher?: string;
  out: string;
  objective: Objective;
  adapt: boolean;
  arch: keyof typeof presets;
  resolution?: number;
  submodel?: string;
  steps?: number;
  batch?: number;
  learningRate?: number;
  views?: number;
  seed?: number;
  workers?: number;
  memory: number;
  checkpointEvery: number;
  resume: boolean;
  reschedule: boolean;
}

/** What the bar does not say by itself. */
function note({ passes, viewsPerSecond }: StepMetrics): string {
  const parts = passes.map(pass => `${pass.submodel}@${pass.resolution} ${(pass.cosine ?? pass.loss).toFixed(3)}`);
  return `${viewsPerSecond.toFixed(1)} views/s  ${parts.join('  ')}`;
}

/** A line of a log, where there is no bar. */
export function line(metrics: StepMetrics, { steps, batch }: Pick<TrainingConfig, 'steps' | 'batch'>): string {
  const minutes = ((steps - metrics.step) * batch) / metrics.viewsPerSecond / 60;
  return `step ${metrics.step} of ${steps}  ETA ${Math.ceil(minutes)} min  ${note(metrics)}`;
}

/** Where a run begins, if not at random weights. */
const initOf = ({ init, adapt }: Options) => init ?? (adapt ? defaultModel : undefined);

/** Random weights whose own resolution is the one that is trained: nothing would make those of another mean anything. */
const fromScratch = ({ arch, resolution = labelledResolution, seed = 1 }: Options) =>
  initialise({ ...presets[arch], resolution }, seed);

/** A setting by default, as presets.ts has it for each purpose. */
function defaultOf(key: 'steps' | 'batch' | 'learningRate' | 'views' | 'seed'): string {
  const of = (purpose: Objective | 'adapt') => preset(presets['Ti/16'], purpose)[key];
  const others = { '--adapt': of('adapt'), 'labelled training': key === 'views' ? 'steps x batch' : of('plain') };
  const differing = Object.entries(others).filter(([, value]) => value !== of('distil'));
  return `default: ${[of('distil'), ...differing.map(([name, value]) => `${value} for ${name}`)].join(', ')}`;
}

/** What the parser cannot tell. */
function checkOptions(options: Options): void {
  const { teacher, objective, adapt, resolution, submodel, steps, reschedule } = options;
  const init = initOf(options);
  const refuse = (reason: string) => {
    throw new MatvitError('OPTION_INVALID', reason);
  };
  const distils = adapt || objective === 'distil';
  if (distils && init === undefined) refuse('--objective distil needs --init, a model to nest');
  if (distils && resolution !== undefined) refuse('--resolution is of labelled training; distillation takes several');
  if (!distils && teacher !== undefined) refuse('--teacher is of distillation; labelled training has none');
  if (submodel !== undefined && objective !== 'plain') refuse('--submodel is what --objective plain trains');
  if (reschedule && steps === undefined) refuse('--reschedule needs --steps');
}

export const trainCommand = new Command('train')
  .description('train an encoder nested, or adapt one to your own pictures')
  .requiredOption('--images <path...>', 'folders or tar files with pictures (labelled training: class = parent folder)')
  .requiredOption('--out <dir>', 'folder of the run: model, checkpoint, metrics.jsonl', notEmpty)
  .option('--init <path>', 'model folder or checkpoint to start from (labelled training: random weights if left out)')
  .option('--teacher <path>', 'model whose XL is regressed (default: the initial one)')
  .addOption(new Option('--objective <name>', 'distil needs no labels').choices(objectives).default('distil'))
  .addOption(
    new Option('--adapt', 'a short, gentle distillation of a nested encoder (default --init: the shipped one)')
      .default(false)
      .conflicts('objective'),
  )
  .addOption(
    new Option('--arch <name>', 'architecture of random weights')
      .choices(Object.keys(presets))
      .default('Ti/16')
      .conflicts(['init', 'adapt']),
  )
  .option(
    '--resolution <px>',
    `resolution of labelled training, and of a model from scratch (default: ${labelledResolution})`,
    positiveInteger,
  )
  .option('--submodel <name>', 'the one submodel that --objective plain trains (default: XL)')
  .option('--steps <n>', `steps in all (${defaultOf('steps')})`, positiveInteger)
  .option('--batch <n>', `views a step (${defaultOf('batch')})`, positiveInteger)
  .option('--learning-rate <x>', `peak learning rate (${defaultOf('learningRate')})`, number)
  .option(
    '--views <n>',
    `distinct views, which then repeat, with the teacher remembered (${defaultOf('views')})`,
    positiveInteger,
  )
  .option('--seed <n>', `seed of views, passes and random weights (${defaultOf('seed')})`, positiveInteger)
  .option(
    '--workers <n>',
    'training threads (default: one a core, as far as they share a batch; of a resumed run, what it had)',
    workerCount,
  )
  .option('--memory <GB>', 'limit of decoded pictures', positiveNumber, 4)
  .option('--checkpoint-every <s>', 'seconds between checkpoints', positiveInteger, 240)
  .option('--resume', 'continue the run in --out, bit for bit; give all other options again', false)
  .option('--reschedule', 'continue it with another --steps, so that its schedule ends sooner or later', false)
  .addHelpText(
    'after',
    `
Ctrl-C, or a closed terminal, writes a checkpoint and ends with exit code 1; the same command with --resume continues.
From the first checkpoint on, --out is a model folder with the newest encoder.

Examples:
  $ matvit train --init models/plain --images photos/ --out runs/nested
  $ matvit train --adapt --images my-photos/ --out runs/mine
  $ matvit index my-photos/ --model runs/mine --index indexes/mine
  $ matvit calibrate --model runs/mine --index indexes/mine

Vectors of different weights do not compare, so such a model needs an index of its own, and every command on that index
the same --model (or MATVIT_MODEL). It has no calibration: until \`matvit calibrate\` has measured one, latency budgets
have the full model alone to choose from.`,
  )
  .action(async (options: Options) => {
    const { images, out, objective, adapt, reschedule } = options;
    checkOptions(options);
    const resume = options.resume || reschedule;
    await checkRun(out, resume);
    const stored = resume ? await readStart(out) : undefined;
    const purpose = adapt ? 'adapt' : objective;
    const initPath = initOf(options);
    const source: Source = initPath ? await sourceAt(initPath) : { checkpoint: fromScratch(options), provenance: [] };
    const taught = options.teacher === undefined ? source : await sourceAt(options.teacher);
    const [init, teacher] = [source.checkpoint, taught.checkpoint];
    const a = init.architecture;
    checkSameArchitecture([init, teacher]);
    const submodel = options.submodel ? parseSubmodel(a, options.submodel) : null;
    const given = Object.fromEntries(
      (['steps', 'batch', 'learningRate', 'views', 'seed'] as const).flatMap(key =>
        options[key] === undefined ? [] : [[key, options[key]]],
      ),
    );
    const chosen = withGiven(preset(a, purpose, { resolution: options.resolution, submodel }), given);
    const workers = options.workers ?? stored?.config?.workers ?? workersFor(chosen.batch, availableParallelism());
    const config: TrainingConfig = { ...chosen, workers };
    checkConfig(a, config);
    if (stored) checkSameRun(out, stored, startOf(config, init, teacher), { rescheduled: reschedule });

    const reading = progress('reading');
    const pictures = await loadPictures(images, {
      maxSide: sideFor(a),
      maxBytes: options.memory * 1e9,
      onProgress: n => reading.update(0, 1, `${n} pictures read`),
    });
    const count = pictures.table.length / tableColumns;
    reading.update(1, 1, `${count} pictures read`);
    reading.stop();
    const ofClasses = config.objective === 'distil' ? '' : ` of ${pictures.classes.length} classes`;
    process.stderr.write(`${count} pictures${ofClasses}${unread(pictures)}\n`);
    const bar = progress(adapt ? 'adapting' : 'training'); // begins at the first step, wherever a resumed run goes on
    let shown = 0;
    let fingerprint = '';
    const { steps, interrupted } = await train({
      config,
      init,
      ...{ teacher, pictures, out, resume, rescheduled: reschedule },
      checkpointEvery: options.checkpointEvery,
      signal: interruption(),
      onStep: metrics => {
        bar.update(metrics.step, config.steps, note(metrics));
        if (process.stderr.isTTY || performance.now() - shown < 60_000) return;
        shown = performance.now();
        process.stderr.write(`${line(metrics, config)}\n`);
      },
      onSave: async (checkpoint, steps) => {
        const card = {
          name: adapt ? 'adapted' : `trained-${config.objective}`,
          description: `matvit train, ${steps} of ${config.steps} steps`,
          provenance: [...provenanceOf([source, taught]), `from ${init.fingerprint}`, `pictures: ${count}`],
          training: config,
        };
        const model = await writeModel(out, checkpoint, card, 'F16');
        fingerprint = model.checkpoint.fingerprint;
      },
    });
    bar.stop();
    process.stdout.write(`${out}: ${steps} steps, fingerprint ${fingerprint.slice(0, 16)}\n`);
    if (!interrupted) return;
    process.stdout.write(
      `interrupted after ${steps} of ${config.steps} steps: the same command with --resume goes on\n`,
    );
    process.exitCode = 1;
  });
