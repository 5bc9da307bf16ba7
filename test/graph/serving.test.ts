import assert from 'node:assert/strict';
import { massiveNeurons } from '../../src/graph/massive.js';
import { makeCheckpoint } from '../../src/model/checkpoint.js';
import { printSubmodel } from '../../src/model/submodel.js';
import { dot, maxDifference, row } from '../support/numbers.js';
import { type Serve, serveStatic, serveUniversal } from '../support/serve.js';
import { randomMixes, submodel, tiny, tinyCheckpoint, tinyPixels, tinyTensors } from '../support/tiny.js';

const model = tinyCheckpoint();
const submodels = [...['S', 'M', 'L', 'XL'].map(submodel), ...randomMixes(4, 5)];

/** the smallest cosine between the vectors of two pictures each */
async function leastCosine(one: Serve, other: Serve, resolution: number, pictures = 4): Promise<number> {
  let least = 1;
  for (let seed = 0; seed < pictures; seed++) {
    const pixels = tinyPixels(seed, 1, resolution);
    least = Math.min(least, dot(await one(pixels, resolution), await other(pixels, resolution)));
  }
  return least;
}

describe('the universal graph', () => {
  it('equals the static graph of each submodel', async () => {
    const universal = await serveUniversal(model, 'fp32');
    for (const which of submodels) {
      const plain = await serveStatic(model, which, 'fp32');
      for (const resolution of [16, 24]) {
        const pixels = tinyPixels(1, 2, resolution);
        const difference = maxDifference(await universal(which)(pixels, resolution), await plain(pixels, resolution));
        assert.ok(difference < 1e-5, `${printSubmodel(which)}@${resolution}: ${difference}`);
      }
    }
  });

  it('gives a picture the same vector in any batch at fp32', async () => {
    const universal = await serveUniversal(model, 'fp32');
    for (const which of submodels)
      for (const resolution of [16, 24]) {
        const pixels = tinyPixels(2, 7, resolution);
        const together = await universal(which)(pixels, resolution);
        for (let i = 0; i < 7; i++) {
          const alone = pixels.subarray(i * (pixels.length / 7), (i + 1) * (pixels.length / 7));
          const vector = await universal(which)(alone, resolution);
          assert.ok(maxDifference(vector, row(together, tiny.width, i)) < 1e-6);
        }
      }
  });
});

describe('int8', () => {
  it('keeps close to fp32', async () => {
    const [int8, fp32] = [await serveUniversal(model, 'int8'), await serveUniversal(model, 'fp32')];
    for (const which of submodels)
      for (const resolution of [16, 24]) {
        const cosine = await leastCosine(int8(which), fp32(which), resolution);
        assert.ok(cosine > 0.99, `${printSubmodel(which)}@${resolution}: ${cosine}`);
      }
  });

  it('keeps close to it beside a neuron that is far louder than the others', async () => {
    const tensors = tinyTensors();
    const dataOf = (layer: number) => (name: string) => tensors.get(`layers.${layer}.${name}`)!.data;
    const rowsOf = dataOf(1);
    const [neuron, times] = [5, 400]; // S does not have it
    for (let i = neuron * tiny.width; i < (neuron + 1) * tiny.width; i++) {
      rowsOf('up.weight')[i]! *= times;
      rowsOf('down.weight')[i]! /= times;
    }
    assert.deepEqual(
      [0, 1, 2].map(layer => massiveNeurons(dataOf(layer))),
      [[], [neuron], []],
    );
    const loud = makeCheckpoint(tiny, tensors);
    const [int8, fp32] = [await serveUniversal(loud, 'int8'), await serveUniversal(loud, 'fp32')];
    for (const which of submodels) {
      const cosine = await leastCosine(int8(which), fp32(which), 24);
      assert.ok(cosine > 0.99, `${printSubmodel(which)}: ${cosine}`);
    }
  });

  it('finds no loud neuron where most have been pruned', () => {
    const tensors = tinyTensors();
    const dataOf = (name: string) => tensors.get(`layers.1.${name}`)!.data;
    const pruned = 20;
    dataOf('up.weight').fill(0, 0, pruned * tiny.width);
    dataOf('up.bias').fill(0, 0, pruned);
    assert.deepEqual(massiveNeurons(dataOf), []);
    dataOf('up.weight').fill(0);
    dataOf('up.bias').fill(0);
    assert.deepEqual(massiveNeurons(dataOf), []);
  });

  it('is the same in the universal and the static graph', async () => {
    const universal = await serveUniversal(model, 'int8');
    for (const which of submodels) {
      const plain = await serveStatic(model, which, 'int8');
      const pixels = tinyPixels(3, 1, 24);
      const difference = maxDifference(await universal(which)(pixels, 24), await plain(pixels, 24));
      assert.ok(difference < 1e-5, `${printSubmodel(which)}: ${difference}`);
    }
  });
});
