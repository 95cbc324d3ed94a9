/** An ONNX graph while it is written: nodes in order, constants by name. The same calls give the same bytes. */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';

const OPSET = 13n;
const IR_VERSION = 7n;

export type ConstantData = Uint8Array | Int32Array | BigInt64Array | readonly boolean[];

export type ElementType = 'uint8' | 'int32';

const ELEMENT_TYPES = { uint8: TensorProto_DataType.UINT8, int32: TensorProto_DataType.INT32 };

/** A value with its type: an input, an output, or one inside of the graph. */
export interface TypedValue {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
}

function tensorProto(name: string, dims: readonly number[], data: ConstantData): TensorProto {
  const [type, bytes] =
    data instanceof Uint8Array
      ? [TensorProto_DataType.UINT8, data]
      : data instanceof Int32Array
        ? [TensorProto_DataType.INT32, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]
        : data instanceof BigInt64Array
          ? [TensorProto_DataType.INT64, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]
          : [TensorProto_DataType.BOOL, Uint8Array.from(data, Number)];
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: type, rawData: bytes.slice() });
}

function valueInfo({ name, type, dims }: TypedValue): ValueInfoProto {
  const dim = dims.map((n) => ({ value: { case: 'dimValue' as const, value: BigInt(n) } }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: ELEMENT_TYPES[type], shape: { dim } } } },
  });
}

export class OnnxGraph {
  private readonly nodes: NodeProto[] = [];
  private readonly constants = new Map<string, TensorProto>();
  /** For people: the layer that the next nodes belong to. */
  layer = '';

  /** A constant of that name (`const_..` where it belongs to no layer); its first definition counts. Returns the name. */
  constant(name: string, dims: readonly number[], data: () => ConstantData): string {
    if (!this.constants.has(name)) this.constants.set(name, tensorProto(name, dims, data()));
    return name;
  }

  /** A constant uint8 scalar. */
  byte(value: number): string {
    return this.constant(`const_byte${value}`, [], () => Uint8Array.of(value));
  }

  /** Constant dimensions, for Reshape. */
  dims(dims: readonly number[]): string {
    return this.constant(`const_${['dims', ...dims].join('_')}`, [dims.length], () => BigInt64Array.from(dims, BigInt));
  }

  /** An operator of the standard set; attributes are integers or lists of them. Returns the name of its output. */
  node(
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, number | readonly number[]>> = {},
  ): string {
    const attribute = Object.entries(attributes).map(([name, value]) =>
      typeof value === 'number'
        ? create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) })
        : create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) }),
    );
    const base = { opType: operator, input: [...inputs], output: [output], name: output, attribute };
    this.nodes.push(create(NodeProtoSchema, { ...base, docString: this.layer }));
    return output;
  }

  /** Cast to an element type. */
  cast(input: string, output: string, type: ElementType): string {
    return this.node('Cast', [input], output, { to: ELEMENT_TYPES[type] });
  }

  /** The bytes of the model. `inside`: types of values inside of the graph. */
  model(
    inputs: readonly TypedValue[],
    outputs: readonly TypedValue[],
    inside: readonly TypedValue[],
    metadata: Readonly<Record<string, string>>,
  ): Uint8Array {
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      opsetImport: [{ domain: '', version: OPSET }],
      producerName: 'veritab',
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: {
        name: 'integer circuit',
        node: this.nodes,
        initializer: [...this.constants.values()],
        input: inputs.map(valueInfo),
        output: outputs.map(valueInfo),
        valueInfo: inside.map(valueInfo),
      },
    });
    return toBinary(ModelProtoSchema, model);
  }
}
