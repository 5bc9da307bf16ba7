import { Command } from 'commander';
import { MatvitError } from '../src/errors.js';
import { average } from '../src/model/average.js';
import { provenanceOf, sourceAt, writeModel } from '../src/model/bundle.js';
import { checkVacant } from '../src/training/run-state.js';
import { notEmpty } from './cli.js';

interface Portion {
  readonly model: string;
  readonly share: number;
}

function parsePortion(text: string, before: readonly Portion[] = []): Portion[] {
  const at = text.lastIndexOf('=');
  const [model, share] = at < 0 ? [text, 1] : [text.slice(0, at), Number(text.slice(at + 1))];
  if (!model || !(share > 0) || share === Infinity)
    throw new MatvitError('OPTION_INVALID', `'${text}' is not like runs/a=0.7, a model and its share`);
  return [...before, { model, share }];
}

export const averageCommand = new Command('average')
  .description('average the weights of models that were trained from one another')
  .argument('<model=share...>', 'model folders or checkpoints, with shares relative to each other', parsePortion)
  .requiredOption('--out <dir>', 'new folder of the model', notEmpty)
  .addHelpText(
    'after',
    `
What several runs learnt adds up in their average, and their noise does not; a little of the initial weights wins back
what training made the full model forget. It has to be measured: see matvit evaluate.

Example:
  $ matvit average runs/second=0.6 runs/first=0.3 models/plain=0.1 --out models/nested`,
  )
  .action(async (portions: Portion[], options: { out: string }) => {
    await checkVacant(options.out);
    const ingredients = await Promise.all(
      portions.map(async ({ model, share }) => ({ ...(await sourceAt(model)), share })),
    );
    const card = {
      name: 'average',
      description: 'An average written by matvit average.',
      provenance: [
        ...provenanceOf(ingredients),
        ...ingredients.map(({ share, checkpoint }) => `${share} of ${checkpoint.fingerprint}`),
      ],
    };
    const { checkpoint } = await writeModel(options.out, average(ingredients), card, 'F16');
    process.stdout.write(`${options.out}: fingerprint ${checkpoint.fingerprint.slice(0, 16)}\n`);
  });
