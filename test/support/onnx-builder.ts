/**
 * ONNX files for tests, written as a list of nodes.
 *
 * A tensor's element type is that of its array: `number[]` or Float32Array is float, `bigint[]` or BigInt64Array int64, Float64Array double,
 * Int32Array int32, Uint8Array uint8, Int8Array int8.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type ModelProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';

export type OnnxData =
  readonly number[] | readonly bigint[] | Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | Int8Array;

/** A constant; the values in C-order, as many as the product of `dims` (`[]` is a scalar). */
export interface OnnxTensor {
  readonly dims: readonly number[];
  readonly data: OnnxData;
}

/** A float attribute, since `1` alone is an integer. */
export interface FloatAttribute {
  readonly floats: number | readonly number[];
}

/** An integer or list of integers, `float(0.1)`, a string, or a tensor. */
export type OnnxAttribute = number | readonly number[] | string | FloatAttribute | OnnxTensor;

export interface OnnxNode {
  readonly op: string;
  /** '' for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxValue {
  readonly name: string;
  /** A text is a symbolic dimension. Left out: a value without a type, whose shape the runtime infers. */
  readonly dims?: readonly (number | string)[];
  readonly type?: TensorProto_DataType;
}

export interface OnnxModel {
  /** 13 if left out. */
  readonly opset?: number;
  readonly inputs: readonly OnnxValue[];
  /** A name alone is an output without a type. */
  readonly outputs: readonly (OnnxValue | string)[];
  readonly nodes: readonly OnnxNode[];
  readonly constants?: Readonly<Record<string, OnnxTensor>>;
  /** Lists the constants as graph inputs too, as files of IR version 3 do. */
  readonly constantsAsInputs?: boolean;
}

/** `float(0.1)` or `float([1, 2])`: a FLOAT or FLOATS attribute. */
export function float(value: number | readonly number[]): FloatAttribute {
  return { floats: value };
}

/**
 * The bytes of an ONNX file.
 * @example onnxModel({ inputs: [{ name: 'x', dims: [1, 4] }], outputs: ['y'], nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }] })
 */
export function onnxModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  return toBinary(ModelProtoSchema, onnxMessage(model));
}

/** The protobuf message of `onnxModel`, for tests that want to damage it before they write it. */
export function onnxMessage(model: OnnxModel): ModelProto {
  const constants = Object.entries(model.constants ?? {});
  const listed = model.constantsAsInputs
    ? constants.map(([name, { dims, data }]) => valueInfo({ name, dims, type: elementType(data) }))
    : [];
  return create(ModelProtoSchema, {
    irVersion: model.constantsAsInputs ? 3n : 8n,
    producerName: 'veritab tests',
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(model.opset ?? 13) })],
    graph: create(GraphProtoSchema, {
      name: 'graph',
      input: [...model.inputs.map((value) => valueInfo(value)), ...listed],
      output: model.outputs.map((value) => (typeof value === 'string' ? valueInfo({ name: value }) : valueInfo(value))),
      initializer: constants.map(([name, tensor]) => tensorMessage(tensor, name)),
      node: model.nodes.map((node) =>
        create(NodeProtoSchema, {
          opType: node.op,
          input: [...node.inputs],
          output: [...node.outputs],
          name: node.name ?? '',
          domain: node.domain ?? '',
          attribute: Object.entries(node.attributes ?? {}).map(([name, value]) => attribute(name, value)),
        }),
      ),
    }),
  });
}

function valueInfo({ name, dims, type = TensorProto_DataType.FLOAT }: OnnxValue): ValueInfoProto {
  if (dims === undefined) return create(ValueInfoProtoSchema, { name });
  const shape = create(TensorShapeProtoSchema, {
    dim: dims.map((dim) =>
      create(TensorShapeProto_DimensionSchema, {
        value: typeof dim === 'string' ? { case: 'dimParam', value: dim } : { case: 'dimValue', value: BigInt(dim) },
      }),
    ),
  });
  const tensorType = create(TypeProto_TensorSchema, { elemType: type, shape });
  return create(ValueInfoProtoSchema, { name, type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensorType } }) });
}

function elementType(data: OnnxData): TensorProto_DataType {
  if (data instanceof Float64Array) return TensorProto_DataType.DOUBLE;
  if (data instanceof BigInt64Array) return TensorProto_DataType.INT64;
  if (data instanceof Int32Array) return TensorProto_DataType.INT32;
  if (data instanceof Uint8Array) return TensorProto_DataType.UINT8;
  if (data instanceof Int8Array) return TensorProto_DataType.INT8;
  return typeof data[0] === 'bigint' ? TensorProto_DataType.INT64 : TensorProto_DataType.FLOAT;
}

/** A tensor message with its values in `raw_data`, little-endian. */
export function tensorMessage({ dims, data }: OnnxTensor, name = ''): TensorProto {
  const size = dims.reduce((a, b) => a * b, 1);
  if (data.length !== size) throw new Error(`a tensor of ${size} values was given ${data.length}`);
  const typed = Array.isArray(data)
    ? elementType(data) === TensorProto_DataType.INT64
      ? BigInt64Array.from(data as bigint[])
      : Float32Array.from(data as number[])
    : (data as Float32Array);
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: elementType(data),
    rawData: new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength).slice(),
  });
}

function attribute(name: string, value: OnnxAttribute): AttributeProto {
  const type = AttributeProto_AttributeType;
  if (typeof value === 'string') return create(AttributeProtoSchema, { name, type: type.STRING, s: new TextEncoder().encode(value) });
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: type.INT, i: BigInt(value) });
  if (isList(value)) return create(AttributeProtoSchema, { name, type: type.INTS, ints: value.map(BigInt) });
  if ('dims' in value) return create(AttributeProtoSchema, { name, type: type.TENSOR, t: tensorMessage(value) });
  const { floats } = value;
  return typeof floats === 'number'
    ? create(AttributeProtoSchema, { name, type: type.FLOAT, f: floats })
    : create(AttributeProtoSchema, { name, type: type.FLOATS, floats: [...floats] });
}

function isList(value: readonly number[] | FloatAttribute | OnnxTensor): value is readonly number[] {
  return Array.isArray(value);
}
