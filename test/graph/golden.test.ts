import assert from 'node:assert/strict';
import type { Checkpoint } from '../../src/model/checkpoint.js';
import { parseSubmodel } from '../../src/model/submodel.js';
import { golden, goldenCheckpoint, goldenPixels } from '../support/golden.js';
import { maxDifference } from '../support/numbers.js';
import { serveUniversal } from '../support/serve.js';

describe('a pretrained ViT-Ti/16', () => {
  let model: Checkpoint;
  before(async function () {
    model = await goldenCheckpoint(this);
  });

  it("has another engine's embeddings, whatever the submodel and resolution", async () => {
    const serve = await serveUniversal(model, 'fp32');
    const { cases } = golden();
    assert.equal(cases.length, 24);
    for (const { image, resolution, submodel, embedding } of cases) {
      const pixels = goldenPixels(image, resolution);
      const actual = await serve(parseSubmodel(model.architecture, submodel))(pixels, resolution);
      const difference = maxDifference(actual, embedding);
      assert.ok(difference < 1e-4, `picture ${image}, ${submodel}@${resolution}: ${difference}`);
    }
  });
});
