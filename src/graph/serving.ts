/**
 * Graphs that answer queries. The universal graph computes any submodel at any resolution: every layer's FFN is chosen
 * by Ifs on that layer's width. The static graph is one submodel cut out, for comparison and for export.
 *
 * Inputs: `pixels` (pixelShape in forward.ts), `positions` [T, D] for the resolution, and, universal only, `widths`
 * int64 [depth], the granularity of each layer. Output: `embedding` [B, D], unit rows.
 */
import { type Architecture, granularityNames, tensorShapes } from '../model/architecture.js';
import type { Checkpoint } from '../model/checkpoint.js';
import type { Precision } from '../model/operating-point.js';
import { type Submodel, ffnWidths } from '../model/submodel.js';
import { type Layers, forward, pixelInput } from './forward.js';
import type { Tensor } from './graph.js';
import { type ParameterSource, plainLayers } from './layers.js';
import { Ops } from './ops.js';
import { int8Layers } from './quantize.js';

/** @returns the serialised ONNX model of every submodel */
export function universalGraph(checkpoint: Checkpoint, precision: Precision): Uint8Array {
  return servingGraph(checkpoint, precision, (g, a, ffn) => {
    const atLeast = widthConditions(g, a, g.input('widths', 'int64', [a.depth]));
    const choose = precision === 'fp32' ? nestedFfn : switchedFfn;
    return (x, onto, layer) => choose(g, a, ffn, atLeast[layer]!, x, onto, layer);
  });
}

/** @returns the serialised ONNX model of one submodel */
export function staticGraph(checkpoint: Checkpoint, submodel: Submodel, precision: Precision): Uint8Array {
  const widths = ffnWidths(checkpoint.architecture, submodel);
  return servingGraph(
    checkpoint,
    precision,
    (g, _, ffn) => (x, onto, layer) => ffn(g, x, layer, [0, widths[layer]!], onto),
  );
}

/** Records onto + what hidden neurons [from, to) of a layer contribute for x; x and onto are [rows, D]. */
export type FfnSlice = (g: Ops, x: Tensor, layer: number, neurons: [from: number, to: number], onto: Tensor) => Tensor;

/** Records a layer's whole FFN: onto + FFN(x), of the width that the conditions `atLeast` choose when the graph runs. */
type Choice = (
  g: Ops,
  a: Architecture,
  ffn: FfnSlice,
  atLeast: readonly Tensor[],
  x: Tensor,
  onto: Tensor,
  layer: number,
) => Tensor;

/**
 * The FFN is additive over hidden neurons, so it is cut into nested chunks, each but the first guarded by an If. Every
 * weight is stored once.
 */
const nestedFfn: Choice = (g, a, ffn, atLeast, x, onto, layer) => {
  const bounds = [0, ...a.granularities] as [number, number, ...number[]];
  let sum = ffn(g, x, layer, [bounds[0], bounds[1]], onto);
  for (let k = 1; k < a.granularities.length; k++) {
    const before = sum;
    const then = (branch: Ops) => ffn(branch, x, layer, [bounds[k]!, bounds[k + 1]!], before);
    sum = g.if(atLeast[k - 1]!, then, () => before);
  }
  return sum;
};

/**
 * Each width in one piece, chosen by Ifs. For int8, where a chunk of its own would quantise its activations on a scale
 * of its own: so the universal graph equals the static one. The smaller widths' weights are stored again, at a byte
 * each.
 */
const switchedFfn: Choice = (g, a, ffn, atLeast, x, onto, layer) => {
  const between = (branch: Ops, low: number, high: number): Tensor => {
    if (low === high) return ffn(branch, x, layer, [0, a.granularities[low]!], onto);
    const middle = (low + high + 1) >> 1;
    return branch.if(
      atLeast[middle - 1]!,
      upper => between(upper, middle, high),
      lower => between(lower, low, middle - 1),
    );
  };
  return between(g, 0, a.granularities.length - 1);
};

function servingGraph(
  { architecture: a, weights }: Checkpoint,
  precision: Precision,
  /** says how a layer's FFN is put together: onto + FFN(x) */
  assemble: (g: Ops, a: Architecture, ffn: FfnSlice) => (x: Tensor, onto: Tensor, layer: number) => Tensor,
): Uint8Array {
  const g = new Ops();
  const matrix = (name: string, rows?: readonly [number, number]) => {
    const [total, ...rest] = shapes.get(name)!;
    const [from, to] = rows ?? [0, total!];
    const length = rest.reduce((product, n) => product * n, 1);
    return { shape: [to - from, ...rest], data: weights.get(name)!.subarray(from * length, to * length) };
  };
  const shapes = tensorShapes(a);
  const stored = new Map<string, Tensor>();
  const parameters: ParameterSource = (name, rows) => {
    const key = rows ? `${name}[${rows.join(':')}]` : name;
    let tensor = stored.get(key);
    if (!tensor) {
      const { shape, data } = matrix(name, rows);
      stored.set(key, (tensor = g.initializer(key, 'float32', shape, data)));
    }
    return tensor;
  };
  const plain = plainLayers(a, parameters);
  const int8 = precision === 'int8' ? int8Layers(g, matrix, parameters) : undefined;
  const pixels = pixelInput(g, a);
  const positions = g.input('positions', 'float32', ['T', a.width]);
  const whole = assemble(g, a, int8?.ffn ?? plainFfn(parameters));
  const layers: Layers = {
    ...plain,
    ...(int8 ? { linear: int8.linear } : {}),
    feedForward(_, x, residual, layer) {
      const onto = g.add(g.flatten(residual), parameters(`layers.${layer}.down.bias`));
      return g.reshapeLike(whole(g.flatten(x), onto, layer), residual);
    },
  };
  g.output('embedding', forward(g, a, layers, pixels, positions).embedding);
  return g.encode();
}

/** One Gemm multiplies and adds, a twentieth faster for the whole model than MatMul and Add. */
const plainFfn =
  (parameters: ParameterSource): FfnSlice =>
  (g, x, layer, neurons, onto) => {
    const name = `layers.${layer}`;
    const up = g.matMul(x, parameters(`${name}.up.weight`, neurons), { transB: true });
    const hidden = g.gelu(g.add(up, parameters(`${name}.up.bias`, neurons)));
    return g.node('Gemm', [hidden, parameters(`${name}.down.weight`, neurons), onto], onto.shape);
  };

/** conditions[layer][k - 1]: is the layer's granularity at least k? */
function widthConditions(g: Ops, a: Architecture, widths: Tensor): Tensor[][] {
  const steps = granularityNames.length - 1;
  const column = g.node('Unsqueeze', [widths, g.constant('int64', [1])], [a.depth, 1], {}, { type: 'int64' });
  const thresholds = g.constant(
    'int64',
    Array.from({ length: steps }, (_, k) => k + 1),
    [1, steps],
  );
  const table = g.node('GreaterOrEqual', [column, thresholds], [a.depth, steps], {}, { type: 'bool' });
  const flat = g.node('Reshape', [table, g.constant('int64', [-1])], [a.depth * steps], {}, { type: 'bool' });
  const one = { type: 'bool' as const, shape: [1] };
  const cells = g.nodeOf('Split', [flat], new Array(a.depth * steps).fill(one), {
    axis: 0,
    num_outputs: a.depth * steps,
  });
  return Array.from({ length: a.depth }, (_, layer) => cells.slice(layer * steps, (layer + 1) * steps));
}
