import assert from 'node:assert/strict';
import type { Checkpoint } from '../../src/model/checkpoint.js';
import { parseSubmodel } from '../../src/model/submodel.js';
import { golden, goldenCheckpoint, goldenPixels, goldenTiny } from '../support/golden.js';
import { maxDifference } from '../support/numbers.js';
import { serveUniversal } from '../support/serve.js';
import { tinyCheckpoint } from '../support/tiny.js';

async function compare(model: Checkpoint, { cases }: ReturnType<typeof goldenTiny>, tolerance: number): Promise<void> {
  const serve = await serveUniversal(model, 'fp32');
  assert.equal(cases.length, 24);
  for (const { image, resolution, submodel, embedding } of cases) {
    const pixels = goldenPixels(image, resolution);
    const actual = await serve(parseSubmodel(model.architecture, submodel))(pixels, resolution);
    const difference = maxDifference(actual, embedding);
    assert.ok(difference < tolerance, `picture ${image}, ${submodel}@${resolution}: ${difference}`);
  }
}

describe('embeddings are those of other implementations, whatever the submodel and resolution', () => {
  it('of a tiny MatViT', () => compare(tinyCheckpoint(1), goldenTiny(), 1e-5));

  it('of a pretrained ViT-Ti/16', async function () {
    await compare(await goldenCheckpoint(this), golden(), 1e-4);
  });
});
