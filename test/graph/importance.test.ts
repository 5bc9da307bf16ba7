import assert from 'node:assert/strict';
import { Tensor } from 'onnxruntime-node';
import { createSession } from '../../src/encoder/session.js';
import { pixelShape } from '../../src/graph/forward.js';
import { activationGraph, orderByImportance } from '../../src/graph/importance.js';
import type { Checkpoint } from '../../src/model/checkpoint.js';
import { maxDifference } from '../support/numbers.js';
import { serveStatic } from '../support/serve.js';
import { submodel, tiny, tinyCheckpoint, tinyPixels } from '../support/tiny.js';

/** mean squared activation of each neuron over some pictures, [depth][d_ff] */
async function momentsOf(model: Checkpoint): Promise<Float32Array[]> {
  const session = await createSession(activationGraph(model));
  const stored = model.weights.get('positions')!;
  const outputs = await session.run({
    pixels: new Tensor('uint8', tinyPixels(1, 4, 16), pixelShape(tiny, 4, 16)),
    positions: new Tensor('float32', stored, [stored.length / tiny.width, tiny.width]),
  });
  return Array.from({ length: tiny.depth }, (_, layer) => outputs[`moment.${layer}`]!.data as Float32Array);
}

const importance = ({ weights }: Checkpoint, moments: readonly Float32Array[], layer: number): number[] =>
  Array.from(moments[layer]!, (moment, j) => {
    const row = weights.get(`layers.${layer}.down.weight`)!.subarray(j * tiny.width, (j + 1) * tiny.width);
    return Math.sqrt(moment) * Math.hypot(...row);
  });

describe('ordering neurons by importance', () => {
  const model = tinyCheckpoint();
  let ordered: Checkpoint;
  before(async () => (ordered = orderByImportance(model, await momentsOf(model))));

  it('leaves the embeddings of the full model as they are', async () => {
    const [before, after] = await Promise.all([model, ordered].map(m => serveStatic(m, submodel('XL'), 'fp32')));
    for (const resolution of [16, 24]) {
      const pixels = tinyPixels(2, 3, resolution);
      const difference = maxDifference(await before!(pixels, resolution), await after!(pixels, resolution));
      assert.ok(difference < 1e-5, String(difference));
    }
  });

  it('puts the neurons that move the output most in front', async () => {
    const moments = await momentsOf(ordered);
    for (let layer = 0; layer < tiny.depth; layer++) {
      const now = importance(ordered, moments, layer);
      assert.notDeepEqual(importance(model, await momentsOf(model), layer), now);
      now.slice(1).forEach((value, j) => assert.ok(value <= now[j]! * (1 + 1e-4), `layer ${layer}, neuron ${j + 1}`));
    }
  });

  it('changes the fingerprint, and nothing but the FFNs', () => {
    assert.notEqual(ordered.fingerprint, model.fingerprint);
    for (const [name, data] of model.weights)
      if (!/\.(up|down)\./.test(name)) assert.equal(ordered.weights.get(name), data);
  });
});
