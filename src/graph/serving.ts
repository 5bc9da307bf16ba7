/**
 * Graphs that answer queries. The universal graph holds all of the weights once and computes any submodel at any
 * resolution: each layer's FFN is cut into nested chunks (the FFN is additive over hidden neurons), each guarded by an
 * If on that layer's width. The static graph is one submodel cut out, for comparison and for export.
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
import { type ParameterSource, ffnSlice, plainLayers } from './layers.js';
import { Ops } from './ops.js';
import { int8Layers } from './quantize.js';

/** @returns the serialised ONNX model of every submodel */
export function universalGraph(checkpoint: Checkpoint, precision: Precision): Uint8Array {
  return servingGraph(checkpoint, precision, (g, a, layers) => {
    const widths = g.input('widths', 'int64', [a.depth]);
    const atLeast = widthConditions(g, a, widths);
    const bounds = [0, ...a.granularities];
    return {
      ...layers,
      feedForward(_, x, residual, layer) {
        let sum = layers.ffn(g, x, layer, [0, bounds[1]!]);
        sum = g.add(residual, g.add(sum, layers.parameters(`layers.${layer}.down.bias`)));
        for (let k = 1; k < a.granularities.length; k++) {
          const before = sum;
          sum = g.if(
            atLeast[layer]![k - 1]!,
            branch => branch.add(before, layers.ffn(branch, x, layer, [bounds[k]!, bounds[k + 1]!])),
            () => before,
          );
        }
        return sum;
      },
    };
  });
}

/** @returns the serialised ONNX model of one submodel */
export function staticGraph(checkpoint: Checkpoint, submodel: Submodel, precision: Precision): Uint8Array {
  const widths = ffnWidths(checkpoint.architecture, submodel);
  return servingGraph(checkpoint, precision, (_, __, layers) => ({
    ...layers,
    feedForward(g, x, residual, layer) {
      const ffn = layers.ffn(g, x, layer, [0, widths[layer]!]);
      return g.add(residual, g.add(ffn, layers.parameters(`layers.${layer}.down.bias`)));
    },
  }));
}

/** Layers of one precision, with the FFN cut anywhere. */
export interface SlicedLayers extends Pick<Layers, 'linear' | 'layerNorm'> {
  readonly parameters: ParameterSource;
  /** the sum over hidden neurons [from, to), without the output bias */
  ffn(g: Ops, x: Tensor, layer: number, rows: [number, number]): Tensor;
}

function servingGraph(
  { architecture: a, weights }: Checkpoint,
  precision: Precision,
  nest: (g: Ops, a: Architecture, layers: SlicedLayers) => Layers,
): Uint8Array {
  const g = new Ops();
  const shapes = tensorShapes(a);
  const stored = new Map<string, Tensor>();
  const parameters: ParameterSource = (name, rows) => {
    const key = rows ? `${name}[${rows.join(':')}]` : name;
    let tensor = stored.get(key);
    if (!tensor) {
      const [total, ...rest] = shapes.get(name)!;
      const row = rest.reduce((product, n) => product * n, 1);
      const [from, to] = rows ?? [0, total!];
      tensor = g.initializer(key, 'float32', [to - from, ...rest], weights.get(name)!.subarray(from * row, to * row));
      stored.set(key, tensor);
    }
    return tensor;
  };
  const plain = plainLayers(a, parameters, () => undefined);
  const layers: SlicedLayers =
    precision === 'fp32'
      ? { ...plain, parameters, ffn: (at, x, layer, rows) => ffnSlice(at, x, parameters, layer, rows) }
      : { ...int8Layers(g, checkpointSlices(shapes, weights), parameters), layerNorm: plain.layerNorm, parameters };
  const pixels = pixelInput(g, a);
  const positions = g.input('positions', 'float32', ['T', a.width]);
  g.output('embedding', forward(g, a, nest(g, a, layers), pixels, positions).embedding);
  return g.encode();
}

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

function checkpointSlices(shapes: ReadonlyMap<string, number[]>, weights: ReadonlyMap<string, Float32Array>) {
  return (name: string, rows?: readonly [number, number]) => {
    const [total, columns] = shapes.get(name)! as [number, number];
    const [from, to] = rows ?? [0, total];
    return { rows: to - from, columns, data: weights.get(name)!.subarray(from * columns, to * columns) };
  };
}
