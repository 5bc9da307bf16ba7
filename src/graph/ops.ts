/** The operators that a ViT, its losses and its gradients need, each with the shape of its result. */
import { type Dim, Graph, type Tensor } from './graph.js';
import { type ElementType, elementTypes } from './onnx.js';

const microsoft = { domain: 'com.microsoft' };

/** NumPy's broadcasting of two shapes; a named dimension only meets itself or 1. */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const p = a[a.length - rank + i] ?? 1;
    const q = b[b.length - rank + i] ?? 1;
    if (p !== q && p !== 1 && q !== 1) throw new RangeError(`[${a.join()}] and [${b.join()}] do not broadcast`);
    return p === 1 ? q : p;
  });
}

/** A graph with a vocabulary. */
export class Ops extends Graph {
  add(a: Tensor, b: Tensor): Tensor {
    return this.node('Add', [a, b], broadcast(a.shape, b.shape));
  }
  sub(a: Tensor, b: Tensor): Tensor {
    return this.node('Sub', [a, b], broadcast(a.shape, b.shape));
  }
  mul(a: Tensor, b: Tensor): Tensor {
    return this.node('Mul', [a, b], broadcast(a.shape, b.shape));
  }
  div(a: Tensor, b: Tensor): Tensor {
    return this.node('Div', [a, b], broadcast(a.shape, b.shape));
  }
  scale(a: Tensor, factor: number): Tensor {
    return this.mul(a, this.scalar(factor));
  }
  exp(a: Tensor): Tensor {
    return this.node('Exp', [a], a.shape);
  }
  cast(a: Tensor, type: ElementType): Tensor {
    return this.node('Cast', [a], a.shape, { to: elementTypes[type] }, { type });
  }

  /** alpha · A B, either one transposed in its last two axes. Leading batch axes are equal, or one side has none. */
  matMul(
    a: Tensor,
    b: Tensor,
    { transA = false, transB = false, alpha = 1 }: { transA?: boolean; transB?: boolean; alpha?: number } = {},
  ): Tensor {
    const [rows, inner] = lastTwo(a, transA);
    const [innerB, columns] = lastTwo(b, transB);
    if (inner !== innerB) throw new RangeError(`[${a.shape.join()}] x [${b.shape.join()}] do not multiply`);
    const lead = a.shape.length >= b.shape.length ? a : b;
    const shape = [...lead.shape.slice(0, -2), rows, columns];
    if (!transA && !transB && alpha === 1) return this.node('MatMul', [a, b], shape);
    const attributes = { transA: Number(transA), transB: Number(transB), alpha: { float: alpha } };
    return this.node('FusedMatMul', [a, b], shape, attributes, microsoft);
  }

  /** At most one dimension may be new and unknown; named ones that stay must stay at their place. */
  reshape(a: Tensor, shape: readonly Dim[]): Tensor {
    const wire = shape.map((dim, i) => (typeof dim === 'number' ? dim : a.shape[i] === dim ? 0 : -1));
    if (wire.filter(n => n === -1).length > 1) throw new RangeError(`reshape to [${shape.join()}] is ambiguous`);
    return this.node('Reshape', [a, this.constant('int64', wire)], shape);
  }

  /** Gives `a` the shape that `like` has when the graph runs. */
  reshapeLike(a: Tensor, like: Tensor): Tensor {
    const shape = this.node('Shape', [like], [like.shape.length], {}, { type: 'int64' });
    return this.node('Reshape', [a, shape], like.shape);
  }

  /** [.., D] -> [rows, D] */
  flatten(a: Tensor): Tensor {
    return this.node('Flatten', [a], ['rows', a.shape.at(-1)!], { axis: a.shape.length - 1 });
  }

  transpose(a: Tensor, perm: readonly number[]): Tensor {
    return this.node(
      'Transpose',
      [a],
      perm.map(axis => a.shape[axis]!),
      { perm },
      { type: a.type },
    );
  }

  /** Rows [start, end) of axis 1; `end` undefined means all that is left, of dimension `size`. */
  sliceRows(a: Tensor, start: number, end: number | undefined, size: Dim): Tensor {
    const int = (value: number) => this.constant('int64', [value]);
    const stop = int(end ?? 2 ** 31);
    return this.node('Slice', [a, int(start), stop, int(1)], [a.shape[0]!, size, ...a.shape.slice(2)]);
  }

  /** Adds rows of zeros to axis 1 of [B, N, D]; `pads` as in ONNX's Pad: int64 [6], all fronts, then all backs. */
  padRows(a: Tensor, pads: Tensor, size: Dim): Tensor {
    return this.node('Pad', [a, pads], [a.shape[0]!, size, ...a.shape.slice(2)]);
  }

  gelu(a: Tensor): Tensor {
    return this.node('Gelu', [a], a.shape);
  }

  softmax(a: Tensor): Tensor {
    return this.node('Softmax', [a], a.shape, { axis: -1 });
  }

  logSoftmax(a: Tensor): Tensor {
    return this.node('LogSoftmax', [a], a.shape, { axis: -1 });
  }

  /** Over the last axis. The statistics, [.., 1], are outputs of the node for the gradient's use. */
  layerNorm(a: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
    const statistic = { type: 'float32' as const, shape: [...a.shape.slice(0, -1), 1] };
    const outputs = [{ type: 'float32' as const, shape: a.shape }, statistic, statistic];
    return this.nodeOf('LayerNormalization', [a, weight, bias], outputs, { axis: -1, epsilon: { float: epsilon } })[0]!;
  }

  /** Multi-head softmax attention: queries [B, Q, D], keys and values [B, T, D] -> [B, Q, D]. */
  attention(query: Tensor, key: Tensor, value: Tensor, heads: number): Tensor {
    return this.node('MultiHeadAttention', [query, key, value], query.shape, { num_heads: heads }, microsoft);
  }

  /** Rows of unit Euclidean length along the last axis. */
  normalize(a: Tensor): Tensor {
    return this.node('LpNormalization', [a], a.shape, { axis: -1, p: 2 });
  }

  reduce(op: 'ReduceSum' | 'ReduceMean' | 'ReduceL2', a: Tensor, axes: readonly number[], keep = true): Tensor {
    const kept = a.shape.flatMap((dim, i) =>
      axes.includes(i) || axes.includes(i - a.shape.length) ? (keep ? [1] : []) : [dim],
    );
    return this.node(op, [a, this.constant('int64', axes)], kept, { keepdims: Number(keep) });
  }
  /** Over every axis, to a scalar. */
  sumAll(a: Tensor): Tensor {
    return this.reduce(
      'ReduceSum',
      a,
      a.shape.map((_, i) => i),
      false,
    );
  }
  meanAll(a: Tensor): Tensor {
    return this.reduce(
      'ReduceMean',
      a,
      a.shape.map((_, i) => i),
      false,
    );
  }

  /** `then` where the bool scalar holds, else `otherwise`; both build one tensor of the same shape in a branch. */
  if(condition: Tensor, then: (branch: Ops) => Tensor, otherwise: (branch: Ops) => Tensor): Tensor {
    const branch = (build: (branch: Ops) => Tensor): [Ops, Tensor] => {
      const graph = new Ops(this);
      const result = build(graph);
      graph.output(`${result.name}_branch`, result);
      return [graph, result];
    };
    const [thenGraph, result] = branch(then);
    const [elseGraph] = branch(otherwise);
    return this.node('If', [condition], result.shape, { then_branch: thenGraph, else_branch: elseGraph });
  }
}

function lastTwo(a: Tensor, transposed: boolean): [Dim, Dim] {
  const [rows, columns] = a.shape.slice(-2) as [Dim, Dim];
  return transposed ? [columns, rows] : [rows, columns];
}
