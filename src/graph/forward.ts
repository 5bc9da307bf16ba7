/**
 * The forward pass of MatViT, written once: serving, extraction and training all record this function.
 * A pre-norm ViT (Dosovitskiy et al. 2021, arXiv 2010.11929); the embedding is the class token after the last
 * LayerNorm, at unit length.
 *
 * Shapes: B pictures, P = R·C patches, T = P + 1 tokens, D width, M hidden neurons of a layer's FFN.
 */
import type { Architecture } from '../model/architecture.js';
import type { Tensor } from './graph.js';
import type { Ops } from './ops.js';

/** How the parts that have parameters are computed: in fp32 or int8, in one piece or nested. */
export interface Layers {
  /** x [.., in] -> x Wᵀ + b [.., out], of the tensors `name.weight` [out, in] and `name.bias` [out] */
  linear(g: Ops, x: Tensor, name: string): Tensor;
  layerNorm(g: Ops, x: Tensor, name: string): Tensor;
  /** residual + FFN(x), both [B, T, D] */
  feedForward(g: Ops, x: Tensor, residual: Tensor, layer: number): Tensor;
}

export interface ForwardResult {
  /** [B, D], rows of unit length */
  readonly embedding: Tensor;
  /** [B, D], before normalisation to unit length */
  readonly features: Tensor;
  /** the residual stream after each block, [B, T, D]; after the last one [B, 1, D] */
  readonly hidden: readonly Tensor[];
}

/**
 * The bytes of NHWC pixels [B, H, W, 3], labelled so that patches need no reshape: B, R rows of patches,
 * the row in a patch, C columns of patches, and 3·patch values of that row.
 */
export function pixelInput(g: Ops, a: Architecture): Tensor {
  return g.input('pixels', 'uint8', ['B', 'R', a.patch, 'C', 3 * a.patch]);
}

/** The shape under which NHWC pixels are fed to `pixelInput`. */
export function pixelShape(a: Architecture, batch: number, resolution: number): number[] {
  return [batch, resolution / a.patch, a.patch, resolution / a.patch, 3 * a.patch];
}

/** @param positions [T, D], row 0 the class token with its position */
export function forward(g: Ops, a: Architecture, layers: Layers, pixels: Tensor, positions: Tensor): ForwardResult {
  const patchLength = 3 * a.patch ** 2;
  const byPatch = g.transpose(pixels, [0, 1, 3, 2, 4]); //                          [B, R, C, patch, 3·patch]
  const patches = g.reshape(g.cast(byPatch, 'float32'), ['B', 'P', patchLength]); // [B, P, 3·patch²]
  const centred = g.sub(g.scale(patches, 1 / 127.5), g.scalar(1)); //               -1 … 1
  const embedded = layers.linear(g, centred, 'patch'); //                           [B, P, D]
  // Room for the class token, which comes with the positions: one Pad instead of Expand and Concat.
  const withClass = g.padRows(embedded, g.constant('int64', [0, 1, 0, 0, 0, 0]), 'T');
  let x = g.add(withClass, positions); //                                           [B, T, D]

  const hidden: Tensor[] = [];
  for (let layer = 0; layer < a.depth; layer++) {
    const name = (part: string) => `layers.${layer}.${part}`;
    const normed = layers.layerNorm(g, x, name('norm1'));
    // Only the class token's output of the last block is read, so nothing else of it is computed.
    const last = layer === a.depth - 1;
    const classOnly = (tensor: Tensor) => (last ? g.sliceRows(tensor, 0, 1, 1) : tensor);
    const query = layers.linear(g, classOnly(normed), name('query'));
    const key = layers.linear(g, normed, name('key'));
    const value = layers.linear(g, normed, name('value'));
    const attended = g.attention(query, key, value, a.heads);
    x = g.add(classOnly(x), layers.linear(g, attended, name('out')));
    x = layers.feedForward(g, layers.layerNorm(g, x, name('norm2')), x, layer);
    hidden.push(x);
  }
  const features = g.reshape(layers.layerNorm(g, x, 'norm'), ['B', a.width]);
  return { embedding: g.normalize(features), features, hidden };
}
