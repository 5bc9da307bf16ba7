/** The fp32 layers, over any source of parameters. */
import type { Architecture } from '../model/architecture.js';
import type { Layers } from './forward.js';
import type { Tensor } from './graph.js';
import type { Ops } from './ops.js';

/** Gives the tensor of a parameter, or of its rows [from, to). */
export type ParameterSource = (name: string, rows?: readonly [from: number, to: number]) => Tensor;

function linear(g: Ops, x: Tensor, parameters: ParameterSource, name: string): Tensor {
  const product = g.matMul(x, parameters(`${name}.weight`), { transB: true });
  return g.add(product, parameters(`${name}.bias`));
}

/**
 * Layers over the parameters as they come, whatever number of hidden neurons those have.
 * @param observe is given the neurons [B, T, M] of each layer's FFN
 */
export function plainLayers(
  a: Architecture,
  parameters: ParameterSource,
  observe?: (neurons: Tensor, layer: number) => void,
): Layers {
  return {
    linear: (g, x, name) => linear(g, x, parameters, name),
    layerNorm: (g, x, name) => g.layerNorm(x, parameters(`${name}.weight`), parameters(`${name}.bias`), a.epsilon),
    feedForward(g, x, residual, layer) {
      const neurons = g.gelu(linear(g, x, parameters, `layers.${layer}.up`));
      observe?.(neurons, layer);
      const product = g.matMul(neurons, parameters(`layers.${layer}.down.weight`));
      return g.add(residual, g.add(product, parameters(`layers.${layer}.down.bias`)));
    },
  };
}
