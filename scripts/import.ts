import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { MatvitError } from '../src/errors.js';
import { hashFile } from '../src/index/hash-file.js';
import { writeModel } from '../src/model/bundle.js';
import { type PerChannel, importVit } from '../src/model/import.js';
import { readSafetensors } from '../src/model/safetensors.js';
import { orderNeurons } from '../src/training/importance.js';
import { loadPictures, tableColumns } from '../src/training/pictures.js';
import { sideFor } from '../src/training/presets.js';
import { checkVacant } from '../src/training/run-state.js';
import { notEmpty, number, positiveInteger, progress, unread } from './cli.js';

interface Options {
  images?: string[];
  keepOrder: boolean;
  out: string;
  samples: number;
  type: 'F16' | 'F32';
  heads?: number;
  mean?: PerChannel;
  std?: PerChannel;
  provenance?: string[];
}

/** One number for all channels, or three. */
function perChannel(text: string): PerChannel {
  const values = text.split(',').map(number);
  const [red, green = red, blue = red] = values;
  if (values.length === 2 || values.length > 3)
    throw new MatvitError('OPTION_INVALID', `'${text}' is neither one number nor three, as in 0.485,0.456,0.406`);
  return [red!, green!, blue!];
}

function deviations(text: string): PerChannel {
  const values = perChannel(text);
  if (values.some(value => value <= 0)) throw new MatvitError('OPTION_INVALID', `'${text}' is not above 0`);
  return values;
}

export const importCommand = new Command('import')
  .description('read a plain ViT (timm or Hugging Face names, safetensors) as a matvit model')
  .argument('<file>', 'safetensors file')
  .requiredOption('--out <dir>', 'new folder of the model', notEmpty)
  .option('--images <path...>', 'folders or tar files with sample pictures, to order the FFN neurons by importance')
  .addOption(
    new Option('--samples <n>', 'views of as many of the pictures to look at')
      .argParser(positiveInteger)
      .default(512)
      .conflicts('keepOrder'),
  )
  .addOption(new Option('--keep-order', 'the neurons are ordered already').default(false).conflicts('images'))
  .addOption(new Option('--type <type>', 'of the numbers on disk').choices(['F16', 'F32']).default('F32'))
  .option('--heads <n>', 'attention heads (default: width / 64)', positiveInteger)
  .option(
    '--mean <x>',
    'mean of the preprocessing the weights expect, or three: red,green,blue (default: 0.5)',
    perChannel,
  )
  .option('--std <x>', 'standard deviation of it, or three (default: 0.5)', deviations)
  .option('--provenance <text...>', 'lines for model.json: source, licence')
  .addHelpText(
    'after',
    `
The function of the whole model is unchanged: ordering permutes hidden neurons, nothing else.
Until it is trained nested (matvit train), only XL is of use.

Examples:
  $ matvit import vit_tiny_patch16_224.safetensors --images photos/ --out models/plain
  $ matvit import deit_tiny_patch16_224.safetensors --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 \\
      --images photos/ --out models/deit     # ImageNet's means and deviations`,
  )
  .action(async (file: string, options: Options) => {
    if (!options.images && !options.keepOrder)
      throw new MatvitError('OPTION_INVALID', 'give --images to order the neurons by importance, or --keep-order');
    await checkVacant(options.out);
    let checkpoint = importVit(await readSafetensors(file), options);
    if (options.images) {
      const { images, samples } = options;
      const pictures = await loadPictures(images, { maxSide: sideFor(checkpoint.architecture), most: samples });
      process.stderr.write(`${pictures.table.length / tableColumns} pictures${unread(pictures)}\n`);
      const bar = progress('measuring importance');
      checkpoint = await orderNeurons(checkpoint, pictures, samples, done => bar.update(done, samples));
      bar.stop();
    }
    const digest = await hashFile(file);
    const card = {
      name: basename(file, '.safetensors'),
      description: 'A plain ViT read by matvit import; not trained nested.',
      provenance: [`imported from ${basename(file)}, SHA-256 ${digest}`, ...(options.provenance ?? [])],
    };
    const { checkpoint: stored } = await writeModel(options.out, checkpoint, card, options.type);
    process.stdout.write(`${options.out}: fingerprint ${stored.fingerprint.slice(0, 16)}\n`);
  });
