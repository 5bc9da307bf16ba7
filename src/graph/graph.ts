/** A recorder of ONNX graphs: tensors with their shapes, the nodes between them, nested subgraphs. */
import { type ElementType, type GraphProto, attributeProto, elementTypes, encodeModel } from './onnx.js';

/** A number, or the name of a dimension that is known only when the graph runs. */
export type Dim = number | string;

export interface Tensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dim[];
}

export interface Float {
  readonly float: number;
}
/** Integers are written as int attributes, `{float}` as float ones. */
export type Attribute = number | readonly number[] | Float | Graph;

export interface Node {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly outputs: readonly Tensor[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Bytes of a tensor that the graph carries. */
export type TensorData = Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;

interface Initializer {
  readonly tensor: Tensor;
  readonly data: TensorData;
}

export class Graph {
  readonly nodes: Node[] = [];
  private readonly inputs: Tensor[] = [];
  private readonly outputs: Tensor[] = [];
  private readonly initializers: Initializer[] = [];
  private readonly constants = new Map<string, Tensor>();
  private names = 0;

  /** @param parent the graph whose tensors this one may read, if it is a branch of an If */
  constructor(private readonly parent?: Graph) {}

  private get root(): Graph {
    return this.parent?.root ?? this;
  }

  input(name: string, type: ElementType, shape: readonly Dim[]): Tensor {
    const tensor = { name, type, shape };
    this.inputs.push(tensor);
    return tensor;
  }

  /** A tensor stored in the model. Always in the root graph, so that ONNX Runtime packs it once for every branch. */
  initializer(name: string, type: ElementType, shape: readonly number[], data: TensorData): Tensor {
    const elements = shape.reduce((product, n) => product * n, 1);
    if (data.length !== elements) throw new RangeError(`${name} has ${data.length} elements, not [${shape.join()}]`);
    const tensor = { name, type, shape };
    this.root.initializers.push({ tensor, data });
    return tensor;
  }

  /** A small constant; equal ones are stored once. */
  constant(type: 'float32' | 'int64', values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
    const key = `${type}[${shape.join()}]:${values.join()}`;
    let tensor = this.root.constants.get(key);
    if (!tensor) {
      const data = type === 'int64' ? BigInt64Array.from(values.map(BigInt)) : Float32Array.from(values);
      tensor = this.initializer(key, type, shape, data);
      this.root.constants.set(key, tensor);
    }
    return tensor;
  }

  scalar(value: number): Tensor {
    return this.constant('float32', [value], []);
  }

  /** Records a node with several outputs, of the given types and shapes. */
  nodeOf(
    op: string,
    inputs: readonly (Tensor | null)[],
    outputs: readonly { type: ElementType; shape: readonly Dim[] }[],
    attributes: Record<string, Attribute> = {},
    domain = '',
  ): Tensor[] {
    const results = outputs.map(output => ({ name: `${op}_${this.root.names++}`, ...output }));
    this.nodes.push({ op, domain, inputs, outputs: results, attributes });
    return results;
  }

  /** Records a node with one float output, or of another type. */
  node(
    op: string,
    inputs: readonly (Tensor | null)[],
    shape: readonly Dim[],
    attributes: Record<string, Attribute> = {},
    { domain = '', type = 'float32' }: { domain?: string; type?: ElementType } = {},
  ): Tensor {
    return this.nodeOf(op, inputs, [{ type, shape }], attributes, domain)[0]!;
  }

  /** Names a tensor of this graph as an output of it. */
  output(name: string, tensor: Tensor): void {
    const named = { ...tensor, name };
    this.nodes.push({ op: 'Identity', domain: '', inputs: [tensor], outputs: [named], attributes: {} });
    this.outputs.push(named);
  }

  encode(): Uint8Array {
    return encodeModel(this.toProto('matvit'));
  }

  private toProto(name: string): GraphProto {
    return {
      name,
      node: this.nodes.map(node => ({
        opType: node.op,
        domain: node.domain,
        name: node.outputs[0]!.name,
        input: node.inputs.map(tensor => tensor?.name ?? ''),
        output: node.outputs.map(tensor => tensor.name),
        attribute: Object.entries(node.attributes).map(([key, value]) => {
          if (value instanceof Graph) return attributeProto(key, 'g', value.toProto(key));
          if (typeof value === 'number') return attributeProto(key, 'i', value);
          if ('float' in value) return attributeProto(key, 'f', value.float);
          return attributeProto(key, 'ints', value);
        }),
      })),
      initializer: this.initializers.map(({ tensor, data }) => ({
        name: tensor.name,
        dataType: elementTypes[tensor.type],
        dims: tensor.shape,
        rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      })),
      input: this.inputs.map(valueInfo),
      output: this.outputs.map(valueInfo),
    };
  }
}

function valueInfo({ name, type, shape }: Tensor): object {
  const dim = shape.map(d => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }));
  return { name, type: { tensorType: { elemType: elementTypes[type], shape: { dim } } } };
}
