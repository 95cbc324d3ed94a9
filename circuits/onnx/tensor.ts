/** Constant tensors: what a file's tensors become, whatever way they are stored. */
import { TensorProto_DataLocation, TensorProto_DataType as Type, type TensorProto } from 'onnx-buf';
import { count, dimsText } from './dims.ts';
import { ModelError } from './float-graph.ts';

interface TensorBase {
  /** Where it comes from, for messages. */
  readonly name: string;
  /** A dimension may be 0 here: an optional input that says nothing. */
  readonly dims: readonly number[];
}

/** float32, and float16 and float64 rounded to it. */
export interface FloatTensor extends TensorBase {
  readonly type: 'float';
  readonly data: Float32Array;
}

/** Any integers, and booleans as 0 and 1. */
export interface IntegerTensor extends TensorBase {
  readonly type: 'integer' | 'boolean';
  readonly data: BigInt64Array;
}

export type Tensor = FloatTensor | IntegerTensor;

export function floatTensor(name: string, dims: readonly number[], data: Float32Array): FloatTensor {
  return { type: 'float', name, dims, data };
}

export function integerTensor(name: string, dims: readonly number[], data: readonly (bigint | number)[]): IntegerTensor {
  return { type: 'integer', name, dims, data: BigInt64Array.from(data, BigInt) };
}

/** The values as numbers; integers saturate at the safe ones (a slice's end is often the largest int64). */
export function numbers({ data }: Tensor): number[] {
  if (data instanceof Float32Array) return Array.from(data);
  return Array.from(data, (value) => Math.min(Math.max(Number(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER));
}

/**
 * Decodes a tensor of a file.
 * @throws ModelError if its data is elsewhere, too short or too long, or of a type that no operator here reads
 */
export function decodeTensor(message: TensorProto, name: string): Tensor {
  const fail = (text: string, hint = ''): ModelError => new ModelError(`constant ${name}: ${text}`, { hint });
  if (message.dataLocation === TensorProto_DataLocation.EXTERNAL || message.externalData.length > 0) {
    const file = message.externalData.find(({ key }) => key === 'location')?.value ?? 'another file';
    throw fail(`its values are stored outside of the ONNX file, in ${file}`, 'save the model with its weights in one file');
  }
  if (message.segment) throw fail('it is stored in segments, which no exporter does any more');
  const dims = message.dims.map(Number);
  if (dims.some((dim) => dim < 0)) throw fail(`dimensions ${dimsText(dims)} are negative`);
  const size = count(dims);
  const typeName = Type[message.dataType] ?? `number ${message.dataType}`;
  const storage = STORAGES[message.dataType];
  if (!storage) throw fail(`elements of type ${typeName} are not supported`, 'convert the model to float32');

  const typed = message[storage.field];
  const raw = message.rawData;
  if (raw.length > 0 && typed.length > 0) throw fail('its values are stored twice');
  if (raw.length > 0 ? raw.length !== size * storage.bytes : typed.length !== size) {
    const got = raw.length > 0 ? `${raw.length} bytes` : `${typed.length} values`;
    throw fail(
      `dimensions ${dimsText(dims)} of ${typeName} need ${size} values of ${storage.bytes} bytes, the file has ${got}`,
      'the file is damaged',
    );
  }
  // A copy is aligned; typed arrays are little-endian wherever WebAssembly runs, as the file is.
  const values = raw.length > 0 ? storage.fromRaw(new Uint8Array(raw).buffer) : storage.fromField(typed);
  if (values instanceof Float32Array) return { type: 'float', name, dims, data: values };
  const data = values instanceof BigInt64Array ? values : BigInt64Array.from(values, BigInt);
  return { type: message.dataType === (Type.BOOL as number) ? 'boolean' : 'integer', name, dims, data };
}

type Values = Float32Array | BigInt64Array | readonly number[];

interface Storage {
  readonly bytes: number;
  /** Where the values are if they are not raw. */
  readonly field: 'floatData' | 'doubleData' | 'int32Data' | 'int64Data' | 'uint64Data';
  readonly fromRaw: (buffer: ArrayBuffer) => Values;
  readonly fromField: (values: readonly (number | bigint)[]) => Values;
}

const INTEGERS = (values: readonly (number | bigint)[]): BigInt64Array => BigInt64Array.from(values, BigInt);
const HALVES = (values: Iterable<number | bigint>): Float32Array => Float32Array.from(values, (bits) => halfToNumber(Number(bits)));
const FLOATS = (values: Iterable<number | bigint>): Float32Array => Float32Array.from(values, Number);

const STORAGES: Readonly<Record<number, Storage>> = {
  [Type.FLOAT]: { bytes: 4, field: 'floatData', fromRaw: (buffer) => new Float32Array(buffer), fromField: FLOATS },
  [Type.DOUBLE]: { bytes: 8, field: 'doubleData', fromRaw: (buffer) => FLOATS(new Float64Array(buffer)), fromField: FLOATS },
  [Type.FLOAT16]: { bytes: 2, field: 'int32Data', fromRaw: (buffer) => HALVES(new Uint16Array(buffer)), fromField: HALVES },
  [Type.INT64]: { bytes: 8, field: 'int64Data', fromRaw: (buffer) => new BigInt64Array(buffer), fromField: INTEGERS },
  [Type.INT32]: { bytes: 4, field: 'int32Data', fromRaw: (buffer) => Array.from(new Int32Array(buffer)), fromField: INTEGERS },
  [Type.INT16]: { bytes: 2, field: 'int32Data', fromRaw: (buffer) => Array.from(new Int16Array(buffer)), fromField: INTEGERS },
  [Type.INT8]: { bytes: 1, field: 'int32Data', fromRaw: (buffer) => Array.from(new Int8Array(buffer)), fromField: INTEGERS },
  [Type.UINT8]: { bytes: 1, field: 'int32Data', fromRaw: (buffer) => Array.from(new Uint8Array(buffer)), fromField: INTEGERS },
  [Type.BOOL]: {
    bytes: 1,
    field: 'int32Data',
    fromRaw: (buffer) => Array.from(new Uint8Array(buffer), (byte) => Number(byte !== 0)),
    fromField: (values) => values.map((value) => Number(Number(value) !== 0)),
  },
  [Type.UINT16]: { bytes: 2, field: 'int32Data', fromRaw: (buffer) => Array.from(new Uint16Array(buffer)), fromField: INTEGERS },
  [Type.UINT32]: { bytes: 4, field: 'uint64Data', fromRaw: (buffer) => Array.from(new Uint32Array(buffer)), fromField: INTEGERS },
};

/** IEEE 754 binary16. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}
