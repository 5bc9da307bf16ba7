/**
 * Reverse-mode differentiation of a recorded graph: one rule a operator says what its inputs' gradients are, as more
 * nodes of the same graph, so that ONNX Runtime runs forward and backward as one. Activations that are cheap to compute
 * again (attention probabilities, GELU's derivative) are computed again rather than kept.
 */
import type { Dim, Node, Tensor } from './graph.js';
import type { Ops } from './ops.js';

/** Gradients of the node's inputs, in their order, each recorded only when called for. */
type Rule = (g: Ops, node: Node, gradient: Tensor) => (() => Tensor)[];

/**
 * Emits the gradients of a scalar.
 * @param wanted the tensors to differentiate by
 * @returns one gradient a wanted tensor, of its shape
 */
export function gradients(g: Ops, loss: Tensor, wanted: readonly Tensor[]): Tensor[] {
  const forward = [...g.nodes];
  const needed = reachableFrom(new Set(wanted), forward);
  const byTensor = new Map<Tensor, Tensor>([[loss, g.scalar(1)]]);
  for (const node of forward.reverse()) {
    const gradient = byTensor.get(node.outputs[0]!);
    if (!gradient || !node.inputs.some(input => input && needed.has(input))) continue;
    const rule = rules[node.op];
    if (!rule) throw new Error(`there is no gradient rule for ${node.op}`);
    rule(g, node, gradient).forEach((contribution, i) => {
      const input = node.inputs[i];
      if (!input || !needed.has(input)) return;
      const sum = byTensor.get(input);
      byTensor.set(input, sum ? g.add(sum, contribution()) : contribution());
    });
  }
  return wanted.map(tensor => {
    const gradient = byTensor.get(tensor);
    if (!gradient) throw new Error(`the loss does not depend on ${tensor.name}`);
    return gradient;
  });
}

/** The tensors that depend on `sources`, with the sources. Rules run only for these. */
function reachableFrom(sources: Set<Tensor>, nodes: readonly Node[]): Set<Tensor> {
  for (const node of nodes)
    if (node.inputs.some(input => input && sources.has(input))) for (const output of node.outputs) sources.add(output);
  return sources;
}

/** Sums a gradient over the axes along which a tensor of `shape` was broadcast. */
function unbroadcast(g: Ops, gradient: Tensor, shape: readonly Dim[]): Tensor {
  const lead = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((dim, i) => (i >= lead && dim === shape[i - lead] ? [] : [i]));
  if (axes.length === 0) return gradient;
  const inner = axes.every(axis => axis < lead);
  const sum = g.reduce('ReduceSum', gradient, axes, !inner);
  return inner || lead === 0 ? sum : g.reshape(sum, shape);
}

const attribute = (node: Node, name: string): number => {
  const value = node.attributes[name];
  if (typeof value === 'number') return value;
  return value && 'float' in value ? value.float : 0;
};

const matMul: Rule = (g, node, dy) => {
  const [a, b] = node.inputs as [Tensor, Tensor];
  if (attribute(node, 'transA') === 1) throw new Error('products with a transposed left side have no gradient yet');
  const transB = attribute(node, 'transB') === 1;
  const alpha = node.op === 'MatMul' ? 1 : attribute(node, 'alpha');
  const da = () => g.matMul(dy, b, { transB: !transB, alpha });
  const db = () => {
    if (b.shape.length > 2) throw new Error('products of batches have no gradient yet');
    const [x, d] = [a, dy].map(t => (t.shape.length > 2 ? g.flatten(t) : t)) as [Tensor, Tensor];
    const [left, right] = transB ? [d, x] : [x, d];
    return productOfTransposed(g, left, right, alpha);
  };
  return [da, db];
};

/**
 * alpha · leftᵀ right. The narrower side is transposed in memory, and if need be the product: a GEMM that reads its left
 * side transposed runs at 112 GFLOP/s where a plain one does 160 (one AVX-512 core), and one transposed copy of a
 * layer's input serves queries, keys and values.
 */
function productOfTransposed(g: Ops, left: Tensor, right: Tensor, alpha: number): Tensor {
  const width = (t: Tensor) => (typeof t.shape[1] === 'number' ? t.shape[1] : Infinity);
  if (width(left) <= width(right)) return g.matMul(g.transpose(left, [1, 0]), right, { alpha });
  return g.transpose(g.matMul(g.transpose(right, [1, 0]), left, { alpha }), [1, 0]);
}

const rules: Record<string, Rule> = {
  Add: (g, node, dy) => node.inputs.map(input => () => unbroadcast(g, dy, input!.shape)),
  Sub: (g, node, dy) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    return [() => unbroadcast(g, dy, a.shape), () => unbroadcast(g, g.scale(dy, -1), b.shape)];
  },
  Mul: (g, node, dy) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    return [() => unbroadcast(g, g.mul(dy, b), a.shape), () => unbroadcast(g, g.mul(dy, a), b.shape)];
  },
  Div: (g, node, dy) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    const ratio = () => g.scale(g.div(g.mul(dy, node.outputs[0]!), b), -1);
    return [() => unbroadcast(g, g.div(dy, b), a.shape), () => unbroadcast(g, ratio(), b.shape)];
  },
  MatMul: matMul,
  FusedMatMul: matMul,
  Transpose: (g, node, dy) => {
    const perm = node.attributes['perm'] as number[];
    const inverse = perm.map((_, i) => perm.indexOf(i));
    return [() => g.transpose(dy, inverse)];
  },
  Reshape: (g, node, dy) => [() => g.reshapeLike(dy, node.inputs[0]!)],
  // one row is ever padded, in front
  Pad: (g, node, dy) => [() => g.sliceRows(dy, 1, undefined, node.inputs[0]!.shape[1]!)],
  Slice: (g, node, dy) => {
    // only leading rows of axis 1 are ever sliced: zeros go behind
    const [a] = node.inputs as [Tensor];
    const rows = (t: Tensor) => g.node('Shape', [t], [1], { start: 1, end: 2 }, { type: 'int64' });
    const missing = g.node('Sub', [rows(a), rows(node.outputs[0]!)], [1], {}, { type: 'int64' });
    const zeros = g.constant('int64', [0, 0, 0, 0]);
    const pads = g.node('Concat', [zeros, missing, g.constant('int64', [0])], [6], { axis: 0 }, { type: 'int64' });
    return [() => g.padRows(dy, pads, a.shape[1]!)];
  },
  LayerNormalization: (g, node, dy) => {
    const [x, weight] = node.inputs as [Tensor, Tensor];
    const [, mean, inverse] = node.outputs as [Tensor, Tensor, Tensor];
    const lead = x.shape.slice(0, -1).map((_, i) => i);
    const xhat = g.mul(g.sub(x, mean), inverse);
    const dyXhat = g.mul(dy, xhat);
    // the two means over D, as products with weight / D
    const column = g.reshape(g.scale(weight, 1 / (x.shape.at(-1) as number)), [x.shape.at(-1)!, 1]);
    const centre = g.matMul(dy, column);
    const slope = g.matMul(dyXhat, column);
    const dx = g.mul(g.sub(g.sub(g.mul(dy, weight), centre), g.mul(xhat, slope)), inverse);
    return [() => dx, () => g.reduce('ReduceSum', dyXhat, lead, false), () => g.reduce('ReduceSum', dy, lead, false)];
  },
  Gelu: (g, node, dy) => {
    // 2 GELU' = 2 Φ(x) + 2 x φ(x) = 1 + erf(s) + s exp(c - s²), s = x / √2, c = ln(2 / √π)
    const [x] = node.inputs as [Tensor];
    const s = g.scale(x, Math.SQRT1_2);
    const bell = g.exp(g.sub(g.scalar(Math.log(2 / Math.sqrt(Math.PI))), g.mul(s, s)));
    const twice = g.add(g.add(g.node('Erf', [s], x.shape), g.mul(s, bell)), g.scalar(1));
    return [() => g.mul(g.scale(dy, 0.5), twice)];
  },
  MultiHeadAttention: (g, node, dy) => {
    const [query, key, value] = node.inputs as [Tensor, Tensor, Tensor];
    const heads = attribute(node, 'num_heads');
    const width = query.shape[2] as number;
    const alpha = Math.sqrt(heads / width);
    const split = (t: Tensor) => g.transpose(g.reshape(t, ['B', t.shape[1]!, heads, width / heads]), [0, 2, 1, 3]);
    const merge = (t: Tensor) => g.reshape(g.transpose(t, [0, 2, 1, 3]), ['B', t.shape[2]!, width]);
    const [q, k, v, d, o] = [query, key, value, dy, node.outputs[0]!].map(split) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const p = g.softmax(g.matMul(q, k, { transB: true, alpha })); // [B, heads, Q, T]
    // Σ_t p dp = Σ_c dy o, over channels instead of tokens (Dao et al. 2022, section B.2)
    const delta = g.reduce('ReduceSum', g.mul(d, o), [-1]);
    const ds = g.mul(p, g.sub(g.matMul(d, v, { transB: true }), delta));
    return [
      () => merge(g.matMul(ds, k, { alpha })),
      () => merge(g.matMul(ds, q, { transA: true, alpha })),
      () => merge(g.matMul(p, d, { transA: true })),
    ];
  },
  LpNormalization: (g, node, dy) => {
    const [x] = node.inputs as [Tensor];
    const y = node.outputs[0]!;
    const along = g.mul(y, g.reduce('ReduceSum', g.mul(dy, y), [-1]));
    return [() => g.div(g.sub(dy, along), g.reduce('ReduceL2', x, [-1]))];
  },
  LogSoftmax: (g, node, dy) => {
    const total = g.reduce('ReduceSum', dy, [-1]);
    return [() => g.sub(dy, g.mul(g.exp(node.outputs[0]!), total))];
  },
  ReduceSum: (g, node, dy) => [() => spread(g, node, dy)],
  ReduceMean: (g, node, dy) => {
    const [x] = node.inputs as [Tensor];
    const size = (t: Tensor) => g.cast(g.node('Size', [t], [], {}, { type: 'int64' }), 'float32');
    return [() => g.mul(spread(g, node, dy), g.div(size(node.outputs[0]!), size(x)))];
  },
};

/** A reduction's gradient, broadcast over the input again. Only whole reductions, or ones that keep their axes. */
function spread(g: Ops, node: Node, dy: Tensor): Tensor {
  const [x] = node.inputs as [Tensor];
  const shape = g.node('Shape', [x], [x.shape.length], {}, { type: 'int64' });
  return g.node('Expand', [dy, shape], x.shape);
}
