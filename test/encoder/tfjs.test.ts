import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import type { Encoder } from '../../src/encoder/encoder.js';
import { createTfjsEncoder, tfjsGpuAvailable } from '../../src/encoder/tfjs.js';
import type { Checkpoint } from '../../src/model/checkpoint.js';
import { readCheckpoint } from '../../src/model/checkpoint.js';
import { parseOperatingPoint } from '../../src/model/operating-point.js';
import { type Submodel, parseSubmodel, printSubmodel } from '../../src/model/submodel.js';
import { fileOrSkip, goldenPixels } from '../support/golden.js';
import { maxDifference } from '../support/numbers.js';
import { rejectsCode } from '../support/rejects.js';
import { serveStatic } from '../support/serve.js';
import { randomMixes, submodel, tiny, tinyCheckpoint, tinyPixels } from '../support/tiny.js';
import { encoderContract } from './contract.js';

const create = (checkpoint: Checkpoint): Promise<Encoder> => createTfjsEncoder(checkpoint, { backend: 'cpu' });

encoderContract('tfjs on its CPU backend', create);

describe('tfjs and ONNX Runtime', () => {
  /** the largest difference between the two engines' embeddings */
  async function compare(model: Checkpoint, encoder: Encoder, which: Submodel, resolution: number, pixels: Uint8Array) {
    const { vectors } = await encoder.embed(pixels.slice(), { submodel: which, resolution, precision: 'fp32' });
    const serve = await serveStatic(model, which, 'fp32');
    return maxDifference(vectors, await serve(pixels, resolution));
  }

  it('embed alike with random weights, at any submodel and resolution', async () => {
    const model = tinyCheckpoint();
    const encoder = await create(model);
    const submodels = [...['S', 'M', 'L', 'XL', 'M1-L2', 'S1-XL1-M1'].map(submodel), ...randomMixes(1, 3)];
    for (const which of submodels)
      for (const resolution of [4, 16, 24, 32]) {
        const difference = await compare(model, encoder, which, resolution, tinyPixels(1, 2, resolution));
        assert.ok(difference < 1e-4, `${printSubmodel(which)}@${resolution}: ${difference}`);
      }
    await encoder.close();
  });

  it('embed alike with the shipped weights', async function () {
    const model = await readCheckpoint(fileOrSkip(this, 'index-data/model/model.safetensors'));
    const encoder = await create(model);
    for (const [name, resolution] of [
      ['XL', 224],
      ['S', 112],
    ] as const) {
      const which = parseSubmodel(model.architecture, name);
      const difference = await compare(model, encoder, which, resolution, goldenPixels(0, resolution));
      assert.ok(difference < 1e-4, `${name}@${resolution}: ${difference}`);
    }
    await encoder.close();
  });
});

describe('the tfjs encoder', () => {
  it('keeps no tensors but its weights and positions, and none after it is closed', async () => {
    const before = tf.memory().numTensors;
    const encoder = await create(tinyCheckpoint());
    const embed = (text: string, batch: number) => {
      const point = parseOperatingPoint(tiny, text);
      return encoder.embed(tinyPixels(1, batch, point.resolution), point);
    };
    await embed('XL', 1);
    await embed('S@24', 2);
    const warm = tf.memory().numTensors;
    for (const text of ['XL', 'S', 'M1-L2', 'XL@24', 'S@24']) await embed(text, 3);
    assert.equal(tf.memory().numTensors, warm);
    await encoder.close();
    assert.equal(tf.memory().numTensors, before);
  });

  it('says so where there is no tfjs-node-gpu', async function () {
    if (await tfjsGpuAvailable()) this.skip();
    const outcome = createTfjsEncoder(tinyCheckpoint());
    await outcome.then(
      encoder => encoder.close(), // the package is there, without a GPU
      () => rejectsCode('ENGINE_UNAVAILABLE', outcome),
    );
  });
});
