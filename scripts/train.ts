import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import { MatvitError } from '../src/errors.js';
import { presets } from '../src/model/architecture.js';
import { checkpointAt, writeModel } from '../src/model/bundle.js';
import { average } from '../src/model/average.js';
import { parseSubmodel } from '../src/model/submodel.js';
import { type Objective, type TrainingConfig, objectives } from '../src/training/config.js';
import { initialise } from '../src/training/initialise.js';
import { loadPictures, tableColumns } from '../src/training/pictures.js';
import { preset } from '../src/training/presets.js';
import { type StepMetrics, train } from '../src/training/train.js';
import { defaultModel, interruption, number, positiveInteger, progress } from './cli.js';

interface Options {
  images: string[];
  init?: string;
  teacher?: string;
  out: string;
  objective: Objective;
  adapt: boolean;
  arch: keyof typeof presets;
  resolution: number;
  submodel?: string;
  steps?: number;
  batch?: number;
  learningRate?: number;
  views?: number;
  seed?: number;
  workers: number;
  blend: number;
  memory: number;
  checkpointEvery: number;
  resume: boolean;
  reschedule: boolean;
}

function line({ step, passes, viewsPerSecond }: StepMetrics): string {
  const parts = passes.map(pass => `${pass.submodel}@${pass.resolution} ${(pass.cosine ?? pass.loss).toFixed(3)}`);
  return `step ${step}  ${viewsPerSecond.toFixed(1)} views/s  ${parts.join('  ')}`;
}

export const trainCommand = new Command('train')
  .description('train an encoder nested, or adapt one to your own pictures')
  .requiredOption('--images <path...>', 'folders or tar files with pictures (labelled training: class = parent folder)')
  .requiredOption('--out <dir>', 'folder of the run: model, checkpoint, metrics.jsonl')
  .option('--init <path>', 'model folder or checkpoint to start from (labelled training: random weights if left out)')
  .option('--teacher <path>', 'model whose XL is regressed (default: the initial one)')
  .addOption(new Option('--objective <name>', 'distil needs no labels').choices(objectives).default('distil'))
  .option('--adapt', 'a short, gentle distillation of a nested encoder (default --init: the shipped one)', false)
  .option('--arch <name>', `architecture of random weights: ${Object.keys(presets).join(', ')}`, 'Ti/16')
  .option('--resolution <px>', 'resolution of labelled training', positiveInteger, 64)
  .option('--submodel <name>', 'the one submodel that --objective plain trains (default: XL)')
  .option('--steps <n>', 'steps in all', positiveInteger)
  .option('--batch <n>', 'views a step', positiveInteger)
  .option('--learning-rate <x>', 'peak learning rate', number)
  .option('--views <n>', 'distinct views; later ones repeat, with the teacher remembered', positiveInteger)
  .option('--seed <n>', 'seed of views and passes', positiveInteger)
  .option('--workers <n>', 'training threads', positiveInteger, availableParallelism())
  .option('--blend <share>', 'of the initial weights in the result, 0 to 1', number, 0)
  .option('--memory <GB>', 'limit of decoded pictures', number, 4)
  .option('--checkpoint-every <s>', 'seconds between checkpoints', positiveInteger, 240)
  .option('--resume', 'continue the run in --out, bit for bit', false)
  .option('--reschedule', 'continue it with another --steps, so that its schedule ends sooner or later', false)
  .addHelpText(
    'after',
    `
Ctrl-C writes a checkpoint and ends; --resume continues. --out is always a model folder with the newest encoder.

Examples:
  $ matvit train --init models/tiny --images photos/ --out runs/nested
  $ matvit train --adapt --images my-photos/ --out runs/mine
  $ matvit index my-photos/ --model runs/mine`,
  )
  .action(async (options: Options) => {
    if (!(options.blend >= 0 && options.blend <= 1))
      throw new MatvitError('OPTION_INVALID', `--blend is between 0 and 1, not ${options.blend}`);
    const bar = progress(options.adapt ? 'adapting' : 'training');
    const pictures = await loadPictures(options.images, {
      maxSide: 256,
      maxBytes: options.memory * 1e9,
      onProgress: n => bar.update(0, 1, `${n} pictures read`),
    });
    const purpose = options.adapt ? 'adapt' : options.objective;
    const initPath = options.init ?? (options.adapt ? defaultModel : undefined);
    if (!initPath && purpose === 'distil')
      throw new MatvitError('OPTION_INVALID', '--objective distil needs --init, a model to nest');
    const init = initPath ? await checkpointAt(initPath) : initialise(presets[options.arch], options.seed ?? 1);
    const submodel = options.submodel ? parseSubmodel(init.architecture, options.submodel) : null;
    const given = Object.fromEntries(
      (['steps', 'batch', 'learningRate', 'views', 'seed', 'workers'] as const).flatMap(key =>
        options[key] === undefined ? [] : [[key, options[key]]],
      ),
    );
    const config: TrainingConfig = { ...preset(purpose, options.resolution, submodel), ...given };
    if (config.batch % config.workers !== 0)
      throw new MatvitError(
        'OPTION_INVALID',
        `a batch of ${config.batch} cannot be shared by ${config.workers} workers`,
      );

    let shown = 0;
    let fingerprint = '';
    const { steps } = await train({
      config,
      init,
      teacher: options.teacher ? await checkpointAt(options.teacher) : init,
      pictures,
      out: options.out,
      resume: options.resume || options.reschedule,
      rescheduled: options.reschedule,
      checkpointEvery: options.checkpointEvery,
      signal: interruption(),
      onStep: metrics => {
        bar.update(metrics.step, config.steps, line(metrics));
        if (process.stderr.isTTY || performance.now() - shown < 60_000) return;
        shown = performance.now();
        process.stderr.write(`${line(metrics)}\n`);
      },
      onSave: async (checkpoint, steps) => {
        const card = {
          name: options.adapt ? 'adapted' : `trained-${config.objective}`,
          description: `matvit train, ${steps} of ${config.steps} steps`,
          provenance: [`from ${init.fingerprint}`, `pictures: ${pictures.table.length / tableColumns}`],
          training: config,
        };
        const mean = average([
          { checkpoint: init, share: options.blend },
          { checkpoint, share: 1 - options.blend },
        ]);
        const model = await writeModel(options.out, mean, card, 'F16');
        fingerprint = model.checkpoint.fingerprint;
      },
    });
    bar.stop();
    process.stdout.write(`${options.out}: ${steps} steps, fingerprint ${fingerprint.slice(0, 16)}\n`);
  });
