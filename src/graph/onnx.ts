/** The ONNX wire format: the part of onnx.proto3 (onnx/onnx, IR version 9) that our graphs use, by protobufjs. */
import protobuf from 'protobufjs';

const { Type, Field, Root } = protobuf;

/** [name, number, type, rule?] of each field. */
type FieldList = readonly (readonly [string, number, string, 'repeated'?])[];

const messages: Record<string, FieldList> = {
  ModelProto: [
    ['irVersion', 1, 'int64'],
    ['producerName', 2, 'string'],
    ['graph', 7, 'GraphProto'],
    ['opsetImport', 8, 'OperatorSetIdProto', 'repeated'],
  ],
  OperatorSetIdProto: [
    ['domain', 1, 'string'],
    ['version', 2, 'int64'],
  ],
  GraphProto: [
    ['node', 1, 'NodeProto', 'repeated'],
    ['name', 2, 'string'],
    ['initializer', 5, 'TensorProto', 'repeated'],
    ['input', 11, 'ValueInfoProto', 'repeated'],
    ['output', 12, 'ValueInfoProto', 'repeated'],
  ],
  NodeProto: [
    ['input', 1, 'string', 'repeated'],
    ['output', 2, 'string', 'repeated'],
    ['name', 3, 'string'],
    ['opType', 4, 'string'],
    ['attribute', 5, 'AttributeProto', 'repeated'],
    ['domain', 7, 'string'],
  ],
  AttributeProto: [
    ['name', 1, 'string'],
    ['f', 2, 'float'],
    ['i', 3, 'int64'],
    ['g', 6, 'GraphProto'],
    ['ints', 8, 'int64', 'repeated'],
    ['type', 20, 'int32'],
  ],
  TensorProto: [
    ['dims', 1, 'int64', 'repeated'],
    ['dataType', 2, 'int32'],
    ['name', 8, 'string'],
    ['rawData', 9, 'bytes'],
  ],
  ValueInfoProto: [
    ['name', 1, 'string'],
    ['type', 2, 'TypeProto'],
  ],
  TypeProto: [['tensorType', 1, 'TensorTypeProto']],
  TensorTypeProto: [
    ['elemType', 1, 'int32'],
    ['shape', 2, 'TensorShapeProto'],
  ],
  TensorShapeProto: [['dim', 1, 'DimensionProto', 'repeated']],
  DimensionProto: [
    ['dimValue', 1, 'int64'],
    ['dimParam', 2, 'string'],
  ],
};

const root = new Root();
for (const [name, fields] of Object.entries(messages)) {
  const type = new Type(name);
  for (const [field, id, kind, rule] of fields) type.add(new Field(field, id, kind, rule));
  root.add(type);
}
const modelType = root.lookupType('ModelProto');

/** TensorProto.DataType */
export const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof elementTypes;

/** AttributeProto.AttributeType */
const attributeTypes = { f: 1, i: 2, g: 5, ints: 7 } as const;

export interface AttributeProto {
  name: string;
  type: number;
}

export function attributeProto(name: string, kind: keyof typeof attributeTypes, value: unknown): AttributeProto {
  return { name, type: attributeTypes[kind], [kind]: value };
}

export interface GraphProto {
  name: string;
  node: object[];
  initializer: object[];
  input: object[];
  output: object[];
}

/** Serialises a whole model. Opset 20 is the first with Gelu; com.microsoft holds ONNX Runtime's own operators. */
export function encodeModel(graph: GraphProto): Uint8Array {
  const opsetImport = [
    { domain: '', version: 20 },
    { domain: 'com.microsoft', version: 1 },
  ];
  return modelType.encode({ irVersion: 9, producerName: 'matvit', graph, opsetImport }).finish();
}
