import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { MatvitError } from '../src/errors.js';
import { hashFile } from '../src/index/hash-file.js';
import { writeModel } from '../src/model/bundle.js';
import { importVit } from '../src/model/import.js';
import { readSafetensors } from '../src/model/safetensors.js';
import { orderNeurons } from '../src/training/importance.js';
import { loadPictures } from '../src/training/pictures.js';
import { sideFor } from '../src/training/presets.js';
import { number, positiveInteger, progress } from './cli.js';

interface Options {
  images?: string[];
  keepOrder: boolean;
  out: string;
  samples: number;
  type: 'F16' | 'F32';
  heads?: number;
  mean?: number;
  std?: number;
  provenance: string[];
}

export const importCommand = new Command('import')
  .description('read a plain ViT (timm or Hugging Face names, safetensors) as a matvit model')
  .argument('<file>', 'safetensors file')
  .requiredOption('--out <dir>', 'folder to write model.safetensors and model.json to')
  .option('--images <path...>', 'folders or tar files with sample pictures, to order the FFN neurons by importance')
  .option('--samples <n>', 'sample pictures to look at', positiveInteger, 512)
  .addOption(new Option('--keep-order', 'the neurons are ordered already').default(false).conflicts('images'))
  .option('--type <type>', 'F16 or F32 on disk', 'F32')
  .option('--heads <n>', 'attention heads (default: width / 64)', positiveInteger)
  .option('--mean <x>', 'mean of the preprocessing the weights expect (default: 0.5)', number)
  .option('--std <x>', 'standard deviation of it (default: 0.5)', number)
  .option('--provenance <text...>', 'lines for model.json: source, licence', [])
  .addHelpText(
    'after',
    `
The function of the whole model is unchanged: ordering permutes hidden neurons, nothing else.
Until it is trained nested (matvit train), only XL is of use.

Example:
  $ matvit import vit_tiny_patch16_224.safetensors --images photos/ --out models/tiny`,
  )
  .action(async (file: string, options: Options) => {
    if (!options.images && !options.keepOrder)
      throw new MatvitError('OPTION_INVALID', 'give --images to order the neurons by importance, or --keep-order');
    if (options.type !== 'F16' && options.type !== 'F32')
      throw new MatvitError('OPTION_INVALID', `--type is F16 or F32, not '${String(options.type)}'`);
    let checkpoint = importVit(await readSafetensors(file), options);
    if (options.images) {
      const pictures = await loadPictures(options.images, { maxSide: sideFor(checkpoint.architecture), maxBytes: 4e9 });
      const bar = progress('measuring importance');
      checkpoint = await orderNeurons(checkpoint, pictures, options.samples, done => bar.update(done, options.samples));
      bar.stop();
    }
    const digest = await hashFile(file);
    const card = {
      name: basename(file, '.safetensors'),
      description: 'A plain ViT read by matvit import; not trained nested.',
      provenance: [`imported from ${basename(file)}, SHA-256 ${digest}`, ...options.provenance],
    };
    const { checkpoint: stored } = await writeModel(options.out, checkpoint, card, options.type);
    process.stdout.write(`${options.out}: fingerprint ${stored.fingerprint.slice(0, 16)}\n`);
  });
