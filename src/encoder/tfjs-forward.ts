/**
 * The forward pass of MatViT in tensor operations of tfjs: what graph/forward.ts computes, written a second time and
 * plainly, for the GPU engine and as an oracle of the first. Differentiable by tf.grads in weights and positions.
 *
 * Shapes: B pictures, P patches, T = P + 1 tokens, D width, H heads, C = D / H, M hidden neurons of a layer's FFN.
 */
import * as tf from '@tensorflow/tfjs';
import type { Architecture } from '../model/architecture.js';

/** Tensors under the names and in the shapes of a checkpoint (tensorShapes in model/architecture.ts). */
export type TfjsWeights = ReadonlyMap<string, tf.Tensor>;

export interface TfjsForward {
  /** [B, D], rows of unit length */
  readonly embedding: tf.Tensor;
  /** [B, D], before normalisation to unit length */
  readonly features: tf.Tensor;
  /** the residual stream after each block, [B, T, D] */
  readonly hidden: readonly tf.Tensor[];
}

/**
 * @param widths hidden neurons of each layer's FFN, [depth]
 * @param pixels [B, R, R, 3], 0 … 255, float32
 * @param positions [T, D], row 0 the class token with its position
 */
export function tfjsForward(
  a: Architecture,
  weights: TfjsWeights,
  widths: readonly number[],
  pixels: tf.Tensor,
  positions: tf.Tensor,
): TfjsForward {
  const layers = new TfjsLayers(a, weights);
  const embedded = layers.linear(patchesOf(a, pixels), 'patch'); // [B, P, D]
  const withClass = tf.pad(embedded, [
    [0, 0],
    [1, 0],
    [0, 0],
  ]);
  let x = tf.add(withClass, positions); // [B, T, D]
  const hidden = widths.map((width, l) => {
    x = tf.add(x, layers.attention(layers.layerNorm(x, `layers.${l}.norm1`), `layers.${l}`));
    x = tf.add(x, layers.feedForward(layers.layerNorm(x, `layers.${l}.norm2`), `layers.${l}`, width));
    return x;
  });
  const classToken = tf.slice(x, [0, 0, 0], [-1, 1, -1]);
  const features = tf.reshape(layers.layerNorm(classToken, 'norm'), [-1, a.width]);
  const length = tf.sqrt(tf.sum(tf.square(features), -1, true)); // tf.norm has no gradient rule of its own
  return { embedding: tf.div(features, length), features, hidden };
}

/** [B, R, R, 3] -> [B, P, 3·patch²], -1 … 1; inside a patch row, column, channel */
function patchesOf(a: Architecture, pixels: tf.Tensor): tf.Tensor {
  const [batch, side] = pixels.shape as [number, number];
  const grid = side / a.patch;
  const centred = tf.sub(tf.div(pixels, 127.5), 1);
  const cut = tf.reshape(centred, [batch * grid, a.patch, grid, a.patch * 3]);
  return tf.reshape(tf.transpose(cut, [0, 2, 1, 3]), [batch, grid * grid, a.patch * a.patch * 3]);
}

class TfjsLayers {
  constructor(
    private readonly a: Architecture,
    private readonly weights: TfjsWeights,
  ) {}

  /** [B, N, in] -> x Wᵀ + b, [B, N, out] */
  linear(x: tf.Tensor, name: string): tf.Tensor {
    return tf.add(product(x, this.get(`${name}.weight`), true), this.get(`${name}.bias`));
  }

  layerNorm(x: tf.Tensor, name: string): tf.Tensor {
    const { mean, variance } = tf.moments(x, -1, true);
    const standard = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, this.a.epsilon)));
    return tf.add(tf.mul(standard, this.get(`${name}.weight`)), this.get(`${name}.bias`));
  }

  attention(x: tf.Tensor, name: string): tf.Tensor {
    const { width, heads } = this.a;
    const [batch, tokens] = x.shape as [number, number];
    const channels = width / heads;
    const [query, key, value] = ['query', 'key', 'value'].map(part =>
      tf.transpose(tf.reshape(this.linear(x, `${name}.${part}`), [batch, tokens, heads, channels]), [0, 2, 1, 3]),
    ) as [tf.Tensor, tf.Tensor, tf.Tensor]; //                                                 [B, H, T, C]
    const scores = tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(channels)); //     [B, H, T, T]
    const attended = tf.transpose(tf.matMul(tf.softmax(scores), value), [0, 2, 1, 3]); //      [B, T, H, C]
    return this.linear(tf.reshape(attended, [batch, tokens, width]), `${name}.out`);
  }

  /** The FFN of the first `width` hidden neurons. */
  feedForward(x: tf.Tensor, name: string, width: number): tf.Tensor {
    const first = (part: string) => {
      const all = this.get(`${name}.${part}`);
      const rest = all.shape.slice(1);
      return tf.slice(all, [0, ...rest.map(() => 0)], [width, ...rest]);
    };
    const neurons = gelu(tf.add(product(x, first('up.weight'), true), first('up.bias'))); // [B, T, M]
    return tf.add(product(neurons, first('down.weight'), false), this.get(`${name}.down.bias`));
  }

  private get(name: string): tf.Tensor {
    const tensor = this.weights.get(name);
    if (!tensor) throw new RangeError(`there is no weight ${name}`);
    return tensor;
  }
}

/** [B, N, in] x [in, out] or, transposed, [out, in]; in two dimensions, since tfjs cannot differentiate a broadcast product. */
function product(x: tf.Tensor, matrix: tf.Tensor, transposed: boolean): tf.Tensor {
  const [batch, rows, inner] = x.shape as [number, number, number];
  const y = tf.matMul(tf.reshape(x, [batch * rows, inner]), matrix, false, transposed);
  return tf.reshape(y, [batch, rows, -1]);
}

/** x Φ(x), with erf and not its tanh approximation */
function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}
