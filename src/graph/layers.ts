/** The fp32 layers, over any source of parameters. */
import type { Architecture } from '../model/architecture.js';
import type { Layers } from './forward.js';
import type { Tensor } from './graph.js';
import type { Ops } from './ops.js';

/** Gives the tensor of a parameter, or of its rows [from, to). */
export type ParameterSource = (name: string, rows?: readonly [from: number, to: number]) => Tensor;

export function linear(g: Ops, x: Tensor, parameters: ParameterSource, name: string): Tensor {
  const product = g.matMul(x, parameters(`${name}.weight`), { transB: true });
  return g.add(product, parameters(`${name}.bias`));
}

/** What hidden neurons [from, to) add to the FFN's output: gelu(x upᵀ + b) down, [B, T, D]. */
export function ffnSlice(
  g: Ops,
  x: Tensor,
  parameters: ParameterSource,
  layer: number,
  rows?: [number, number],
): Tensor {
  const name = `layers.${layer}`;
  const up = g.matMul(x, parameters(`${name}.up.weight`, rows), { transB: true });
  const neurons = g.gelu(g.add(up, parameters(`${name}.up.bias`, rows))); // [B, T, M]
  return g.matMul(neurons, parameters(`${name}.down.weight`, rows));
}

/** Layers of one submodel: `rows(layer)` are the hidden neurons it keeps; undefined takes the parameters as they come. */
export function plainLayers(
  a: Architecture,
  parameters: ParameterSource,
  rows: (layer: number) => [number, number] | undefined,
): Layers {
  return {
    linear: (g, x, name) => linear(g, x, parameters, name),
    layerNorm: (g, x, name) => g.layerNorm(x, parameters(`${name}.weight`), parameters(`${name}.bias`), a.epsilon),
    feedForward(g, x, residual, layer) {
      const slice = g.add(ffnSlice(g, x, parameters, layer, rows(layer)), parameters(`layers.${layer}.down.bias`));
      return g.add(residual, slice);
    },
  };
}
