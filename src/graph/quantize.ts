/**
 * The int8 layers: weights as int8 with a scale an output channel, activations as uint8 with one scale a tensor, found
 * when the graph runs (dynamic quantisation). That scale spans the whole batch, so int8 graphs take one picture a run.
 * What massive neurons contribute is computed in fp32, or the scale would be theirs.
 */
import { readFileSync } from 'node:fs';
import type { ParameterSource } from './layers.js';
import type { Tensor } from './graph.js';
import { massiveNeurons } from './massive.js';
import type { Ops } from './ops.js';

/** A matrix of the checkpoint, or some rows of it. */
export type MatrixSource = (
  name: string,
  rows?: readonly [number, number],
) => { shape: readonly number[]; data: Float32Array };

interface QuantizedMatrix {
  /** [inner, outputs] int8 */
  readonly values: Tensor;
  /** [outputs] */
  readonly scales: Tensor;
  readonly outputs: number;
}

interface QuantizedActivations {
  readonly values: Tensor;
  readonly scale: Tensor;
  readonly zero: Tensor;
}

/** @param root the graph that holds the quantised weights */
export function int8Layers(root: Ops, matrices: MatrixSource, parameters: ParameterSource) {
  const stored = new Map<string, QuantizedMatrix>();
  const activations = new Map<Tensor, QuantizedActivations>();
  const massive = new Map<number, readonly number[]>();

  const weight = (name: string, transposed: boolean, rows?: [number, number]): QuantizedMatrix => {
    const key = rows ? `${name}[${rows.join(':')}]` : name;
    let matrix = stored.get(key);
    if (!matrix) {
      const { shape, data } = matrices(name, rows);
      const [height, width] = shape as [number, number];
      const [inner, outputs] = transposed ? [width, height] : [height, width];
      const at = transposed
        ? (i: number, o: number) => data[o * inner + i]!
        : (i: number, o: number) => data[i * outputs + o]!;
      const { values, scales } = quantizeColumns(inner, outputs, at);
      matrix = {
        values: root.initializer(`${key}.int8`, 'int8', [inner, outputs], values),
        scales: root.initializer(`${key}.scale`, 'float32', [outputs], scales),
        outputs,
      };
      stored.set(key, matrix);
    }
    return matrix;
  };

  /** Quantised once where several products read it: queries, keys and values; all widths of an FFN. */
  const quantize = (g: Ops, x: Tensor): QuantizedActivations => {
    let quantized = activations.get(x);
    if (!quantized) {
      const scalar = (type: 'float32' | 'uint8') => ({ type, shape: [] });
      const outputs = [{ type: 'uint8' as const, shape: x.shape }, scalar('float32'), scalar('uint8')];
      const [values, scale, zero] = g.nodeOf('DynamicQuantizeLinear', [x], outputs) as [Tensor, Tensor, Tensor];
      quantized = { values, scale, zero };
      activations.set(x, quantized);
    }
    return quantized;
  };

  const product = (g: Ops, quantized: QuantizedActivations, matrix: QuantizedMatrix, bias: Tensor | null): Tensor => {
    const { values, scale, zero } = quantized;
    const inputs = [values, matrix.values, scale, matrix.scales, zero, null, bias];
    const shape = [...values.shape.slice(0, -1), matrix.outputs];
    return g.node('MatMulIntegerToFloat', inputs, shape, {}, { domain: 'com.microsoft' });
  };

  const massiveOf = (layer: number): readonly number[] => {
    let neurons = massive.get(layer);
    if (!neurons) {
      neurons = massiveNeurons(name => matrices(`layers.${layer}.${name}`).data);
      massive.set(layer, neurons);
    }
    return neurons;
  };

  return {
    linear: (g: Ops, x: Tensor, name: string) =>
      product(g, quantize(g, x), weight(`${name}.weight`, true), parameters(`${name}.bias`)),
    ffn: (g: Ops, x: Tensor, layer: number, neurons: [from: number, to: number], onto: Tensor): Tensor => {
      const name = `layers.${layer}`;
      // in the root graph, where every branch can read it
      const input = quantize(root, x);
      const up = product(g, input, weight(`${name}.up.weight`, true, neurons), parameters(`${name}.up.bias`, neurons));
      let [hidden, sum] = [g.gelu(up), onto];
      const [from, to] = neurons;
      const apart = massiveOf(layer).filter(neuron => neuron >= from && neuron < to);
      for (const neuron of apart) {
        const column = g.node('Gather', [hidden, g.constant('int64', [neuron - from])], [hidden.shape[0]!, 1], {
          axis: 1,
        });
        sum = g.node('Gemm', [column, parameters(`${name}.down.weight`, [neuron, neuron + 1]), sum], onto.shape);
      }
      if (apart.length > 0) {
        const others = Array.from({ length: to - from }, (_, i) => Number(!apart.includes(from + i)));
        hidden = g.mul(hidden, g.constant('float32', others));
      }
      return g.add(sum, product(g, quantize(g, hidden), weight(`${name}.down.weight`, false, neurons), null));
    },
  };
}

/**
 * The largest weight as an integer. ONNX Runtime multiplies unsigned activations with signed weights; x86 CPUs without
 * VNNI add two such products in 16 bits, which overflow unless the weights keep to 7 bits.
 */
const largest = process.arch === 'x64' && !hasVnni() ? 63 : 127;

function hasVnni(): boolean {
  try {
    return /^flags.*_vnni/m.test(readFileSync('/proc/cpuinfo', 'latin1'));
  } catch {
    return false; // not Linux: the careful way is right everywhere
  }
}

/** Symmetric int8 of a matrix [inner, outputs], one scale a column. */
function quantizeColumns(inner: number, outputs: number, at: (i: number, o: number) => number) {
  const values = new Int8Array(inner * outputs);
  const scales = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    let peak = 0;
    for (let i = 0; i < inner; i++) peak = Math.max(peak, Math.abs(at(i, o)));
    const scale = peak / largest || 1;
    scales[o] = scale;
    for (let i = 0; i < inner; i++) values[i * outputs + o] = Math.round(at(i, o) / scale);
  }
  return { values, scales };
}
