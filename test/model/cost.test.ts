import assert from 'node:assert/strict';
import { forward, pixelInput } from '../../src/graph/forward.js';
import type { Dim, Node } from '../../src/graph/graph.js';
import { plainLayers } from '../../src/graph/layers.js';
import { Ops } from '../../src/graph/ops.js';
import { type Architecture, presets, tensorShapes } from '../../src/model/architecture.js';
import { macs, parameterCount, relativeMacs } from '../../src/model/cost.js';
import { parseOperatingPoint } from '../../src/model/operating-point.js';
import { type Submodel, ffnWidths, parseSubmodel, uniform } from '../../src/model/submodel.js';
import { randomMixes, submodel, tiny } from '../support/tiny.js';

/** Records the forward pass of a submodel and counts what its matrix products multiply, one node at a time. */
function countedMacs(a: Architecture, which: Submodel, resolution: number): number {
  const g = new Ops();
  const widths = ffnWidths(a, which);
  const parameters = (name: string) => {
    const [rows, ...rest] = tensorShapes(a).get(name)!;
    const layer = Number(name.split('.')[1]);
    return g.input(name, 'float32', [/\.up\.|down\.weight/.test(name) ? widths[layer]! : rows!, ...rest]);
  };
  const positions = g.input('positions', 'float32', ['T', a.width]);
  const layers = plainLayers(a, parameters);
  forward(g, a, layers, pixelInput(g, a), positions);

  const patches = (resolution / a.patch) ** 2;
  const sizes: Record<string, number> = { B: 1, P: patches, T: patches + 1 };
  const size = (dims: readonly Dim[]) => dims.reduce<number>((n, d) => n * (typeof d === 'number' ? d : sizes[d]!), 1);
  const cost = ({ op, inputs, outputs }: Node): number => {
    const [first, second] = inputs;
    if (op === 'MatMul' || op === 'FusedMatMul') return size(outputs[0]!.shape) * (first!.shape.at(-1) as number);
    // Q·K and P·V: each query meets each token in each channel, twice
    if (op === 'MultiHeadAttention') return 2 * size(first!.shape) * size([second!.shape[1]!]);
    return 0;
  };
  return g.nodes.reduce((sum, node) => sum + cost(node), 0);
}

describe('cost', () => {
  it('is what the matrix products of the forward pass multiply', () => {
    for (const which of [submodel('S'), submodel('XL'), ...randomMixes(3, 10)])
      for (const resolution of [4, 16, 24])
        assert.equal(macs(tiny, which, resolution), countedMacs(tiny, which, resolution));
    const a = presets['S/16'];
    const which = parseSubmodel(a, 'S3-M3-L3-XL3');
    assert.equal(macs(a, which, 160), countedMacs(a, which, 160));
  });

  it('of ViT-Ti, -S and -B is close to the published 1.3, 4.6 and 17.6 G', () => {
    // Touvron et al. 2021 (arXiv 2012.12877, table 5) and timm, which compute all of the last block
    for (const [name, published] of [
      ['Ti/16', 1.26e9],
      ['S/16', 4.61e9],
      ['B/16', 17.58e9],
    ] as const) {
      const a = presets[name];
      const ratio = macs(a, uniform(a, 'XL'), 224) / published;
      assert.ok(ratio > 0.92 && ratio < 1, `${name}: ${ratio}`);
    }
  });

  it('counts the parameters of the published models', () => {
    // timm's counts, less the classifier (1000 (d + 1)) and the class token (d), which ours adds to its position
    for (const [name, published] of [
      ['Ti/16', 5_717_416],
      ['S/16', 22_050_664],
      ['B/16', 86_567_656],
    ] as const) {
      const a = presets[name];
      assert.equal(parameterCount(a, uniform(a, 'XL')), published - 1000 * (a.width + 1) - a.width);
    }
  });

  it('counts the parameters that a submodel uses', () => {
    const all = [...tensorShapes(tiny).values()].reduce((sum, shape) => sum + shape.reduce((n, m) => n * m, 1), 0);
    assert.equal(parameterCount(tiny, submodel('XL')), all);
    // 28 + 24 + 16 hidden neurons fewer, each with a row of up, of down, and a bias
    assert.equal(parameterCount(tiny, submodel('S1-M1-L1')), all - (28 + 24 + 16) * (24 + 24 + 1));
  });

  it('is relative to the full model at its own resolution', () => {
    assert.equal(relativeMacs(tiny, parseOperatingPoint(tiny, 'XL')), 1);
    assert.equal(relativeMacs(tiny, parseOperatingPoint(tiny, 'XL:int8')), 1);
    assert.ok(relativeMacs(tiny, parseOperatingPoint(tiny, 'XL@24')) > 1);
    const [s, m, l] = ['S', 'M', 'L'].map(text => relativeMacs(tiny, parseOperatingPoint(tiny, text))) as [
      number,
      number,
      number,
    ];
    assert.ok(0 < s && s < m && m < l && l < 1);
  });
});
