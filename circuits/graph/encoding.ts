/**
 * The canonical encoding of a circuit and its digest. Source: wasm/README.md, section 3. One circuit has one encoding: what decodes encodes to the same bytes again.
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { ByteReader, ByteWriter } from './bytes.ts';
import {
  shapeOf,
  type Circuit,
  type Layer,
  type Part,
  type Shape,
  type Table,
  type Tensor,
  type TensorMeaning,
  type Term,
  type View,
  type WeightBinding,
} from './circuit.ts';
import { CircuitRefusal } from './refusal.ts';

export const ENCODING_VERSION = 1;
export const PARAMETER_SET = 1;
export const MAX_CIRCUIT_BYTES = 2 ** 24;
export const MAX_LAYERS = 4096;
/** Inputs, and outputs. */
const MAX_TENSORS = 8;

/** BLAKE3 in derive-key mode with a context string; the kernels' or the one of @noble/hashes. */
export type Hash = (context: string, data: Uint8Array) => Uint8Array;

const hashWithNoble: Hash = (context, data) => blake3(data, { context: new TextEncoder().encode(context) });

type Pair = readonly [number, number];

/** The affine map start + k step that a map is, or null. */
function affine(map: Int32Array, length: number): { start: number; step: number } | null {
  const first = map.findIndex((v) => v >= 0);
  if (first < 0) return null;
  const second = map[first + 1];
  const step = second !== undefined && second >= 0 ? second - map[first]! : 1;
  if (step === 0) return null;
  const start = map[first]! - first * step;
  const fits = map.every((v, k) => v === affineAt(start, step, k, length));
  return fits && start >= -(2 ** 31) && start < 2 ** 31 ? { start, step } : null;
}

function affineAt(start: number, step: number, k: number, length: number): number {
  const v = start + k * step;
  return v >= 0 && v < length ? v : -1;
}

function writeMap(out: ByteWriter, map: Int32Array, tensorLength: number): void {
  if (map.length === tensorLength && map.every((v, k) => v === k)) {
    out.u8(0);
    return;
  }
  const line = affine(map, tensorLength);
  if (line) {
    out.u8(1);
    out.i32(line.start);
    out.i32(line.step);
    return;
  }
  out.u8(2);
  out.list(map, (v) => {
    out.i32(v);
  });
}

function readMap(data: ByteReader, length: number, tensorLength: number): Int32Array {
  const kind = data.u8();
  if (kind === 0) return Int32Array.from({ length }, (_, k) => (k < tensorLength ? k : -1));
  if (kind === 1) {
    const start = data.i32();
    const step = data.i32();
    return Int32Array.from({ length }, (_, k) => affineAt(start, step, k, tensorLength));
  }
  if (kind === 2) return data.integers();
  throw new CircuitRefusal('', 'encoding', `map kind ${kind}`);
}

function writeShape(out: ByteWriter, shape: Shape): void {
  shape.forEach((n) => {
    out.u32(n);
  });
}

/** Largest axis and tensor that are read at all: a bound on what a hostile encoding can make a reader allocate. */
const MAX_AXIS = 2 ** 20;
const MAX_MAP_ENTRIES = 2 ** 24;
const MAX_ELEMENTS = 2 ** 27;

function readShape(data: ByteReader): Shape {
  const shape: Shape = [data.u32(), data.u32(), data.u32()];
  if (shape.some((n) => n < 1 || n > MAX_AXIS) || shape[0] * shape[1] * shape[2] > MAX_ELEMENTS) {
    throw new CircuitRefusal('', 'encoding', `shape ${shape.join(' x ')}: axes are 1..2^20, elements at most 2^27`);
  }
  return shape;
}

function readPair(read: () => number): Pair {
  return [read(), read()];
}

function writeView(out: ByteWriter, circuit: Circuit, view: View): void {
  writeShape(out, view.shape);
  out.list(view.parts, (part) => {
    out.u8(part.kind === 'axes' ? 0 : 1);
    out.u32(part.tensor);
    if (part.kind === 'gather') {
      out.list(part.index, (v) => {
        out.i32(v);
      });
      return;
    }
    part.axes.forEach((a) => {
      out.u8(a);
    });
    const shape = shapeOf(circuit, part.tensor);
    part.maps.forEach((map, a) => {
      writeMap(out, map, shape[a]!);
    });
  });
}

function writeTerm(out: ByteWriter, circuit: Circuit, term: Term): void {
  out.u8(term.kind === 'convolution' ? 0 : term.kind === 'multiple' ? 1 : 2);
  writeView(out, circuit, term.operand);
  const pair = (values: Pair, write: (v: number) => void): void => {
    values.forEach(write);
  };
  const u32 = (v: number): void => {
    out.u32(v);
  };
  const i32 = (v: number): void => {
    out.i32(v);
  };
  if (term.kind === 'convolution') {
    pair(term.kernel, u32);
    pair(term.stride, u32);
    pair(term.pad, i32);
    pair(term.dilation, u32);
    out.u32(term.groups);
    if (term.weights.kind === 'public') out.bytes(term.weights.hash);
    else
      out.list(term.weights.squares, (v) => {
        out.u64(v);
      });
    return;
  }
  out.list(term.multiplier, i32);
  if (term.kind === 'multiple') return;
  pair(term.kernel, u32);
  pair(term.stride, u32);
  pair(term.pad, i32);
  out.list(term.rowFactor, i32);
  out.list(term.columnFactor, i32);
}

function writeLayer(out: ByteWriter, circuit: Circuit, layer: Layer): void {
  out.u8(layer.kind === 'requantize' ? 0 : layer.kind === 'maximum' ? 1 : 2);
  out.text(layer.name);
  writeShape(out, layer.shape);
  if (layer.kind !== 'accumulate') out.u8(layer.zero);
  if (layer.kind === 'maximum') {
    writeView(out, circuit, layer.a);
    writeView(out, circuit, layer.b);
    return;
  }
  out.list(layer.bias, (v) => {
    out.i32(v);
  });
  out.list(layer.terms, (term) => {
    writeTerm(out, circuit, term);
  });
  if (layer.kind === 'accumulate') return;
  out.list(layer.shift, (v) => {
    out.u8(v);
  });
  out.u32(layer.table);
}

function writeMeaning(out: ByteWriter, meaning: TensorMeaning): void {
  out.text(meaning.name);
  out.list(meaning.dims, (n) => {
    out.u32(n);
  });
  out.f64(meaning.scale);
  out.u8(meaning.zero);
  out.text(meaning.note);
  out.list(meaning.labels, (label) => {
    out.text(label);
  });
}

/** The canonical encoding. Throws `CircuitRefusal` where a text or the whole is too long. */
export function encodeCircuit(circuit: Circuit): Uint8Array {
  const out = new ByteWriter();
  out.u8(ENCODING_VERSION);
  out.u8(PARAMETER_SET);
  out.list(circuit.inputs, (tensor) => {
    writeShape(out, tensor.shape);
    out.u8(tensor.zero);
  });
  out.list(circuit.tables, (table) => {
    out.i32(table.first);
    out.u32(table.values.length);
    out.bytes(table.values);
  });
  out.u8(circuit.weightRoot ? 1 : 0);
  if (circuit.weightRoot) out.bytes(circuit.weightRoot);
  out.list(circuit.layers, (layer) => {
    writeLayer(out, circuit, layer);
  });
  out.list(circuit.outputs, (tensor) => {
    out.u32(tensor);
  });
  for (const meanings of [circuit.meaning.inputs, circuit.meaning.outputs]) {
    out.list(meanings, (meaning) => {
      writeMeaning(out, meaning);
    });
  }
  const bytes = out.done();
  if (bytes.length > MAX_CIRCUIT_BYTES)
    throw new CircuitRefusal('', 'limit', `the circuit takes ${bytes.length} bytes, at most ${MAX_CIRCUIT_BYTES} are allowed`);
  return bytes;
}

/** Reads layers; views need the shapes of the tensors before them. */
class CircuitReader {
  private readonly data: ByteReader;
  private readonly shapes: Shape[] = [];
  private committed = false;
  /** Entries of index maps read so far: short encodings may stand for long maps. */
  private mapEntries = 0;

  constructor(bytes: Uint8Array) {
    this.data = new ByteReader(bytes);
  }

  private part(shape: Shape): Part {
    const { data } = this;
    const kind = data.u8();
    const tensor = data.u32();
    const source = this.shapes[tensor];
    if (!source) throw new CircuitRefusal('', 'order', `tensor ${tensor} is read before it is made`);
    if (kind === 1) return { kind: 'gather', tensor, index: data.integers() };
    if (kind !== 0) throw new CircuitRefusal('', 'encoding', `part kind ${kind}`);
    const axes = [data.u8(), data.u8(), data.u8()] as [number, number, number];
    if ([...axes].sort((a, b) => a - b).some((a, k) => a !== k))
      throw new CircuitRefusal('', 'view', `axes ${axes.join()} are no permutation of 0, 1, 2`);
    this.mapEntries += shape[0] + shape[1] + shape[2];
    if (this.mapEntries > MAX_MAP_ENTRIES) throw new CircuitRefusal('', 'limit', `index maps of more than ${MAX_MAP_ENTRIES} entries`);
    const maps = axes.map((axis, a) => readMap(data, shape[axis]!, source[a]!)) as [Int32Array, Int32Array, Int32Array];
    return { kind: 'axes', tensor, axes, maps };
  }

  private view(): View {
    const shape = readShape(this.data);
    return { shape, parts: this.data.list(6, () => this.part(shape)) };
  }

  private binding(): WeightBinding {
    if (!this.committed) return { kind: 'public', hash: this.data.bytes(32) };
    return { kind: 'committed', squares: this.data.list(8, () => this.data.u64()) };
  }

  private term(): Term {
    const { data } = this;
    const kind = data.u8();
    const operand = this.view();
    const u32 = (): number => data.u32();
    const i32 = (): number => data.i32();
    if (kind === 0) {
      const kernel = readPair(u32);
      const stride = readPair(u32);
      const pad = readPair(i32);
      const dilation = readPair(u32);
      return { kind: 'convolution', operand, kernel, stride, pad, dilation, groups: data.u32(), weights: this.binding() };
    }
    if (kind > 2) throw new CircuitRefusal('', 'encoding', `term kind ${kind}`);
    const multiplier = data.integers();
    if (kind === 1) return { kind: 'multiple', operand, multiplier };
    const kernel = readPair(u32);
    const stride = readPair(u32);
    const pad = readPair(i32);
    return { kind: 'window-sum', operand, multiplier, kernel, stride, pad, rowFactor: data.integers(), columnFactor: data.integers() };
  }

  private layer(): Layer {
    const { data } = this;
    const kind = data.u8();
    const name = data.text();
    const shape = readShape(data);
    const layer = ((): Layer => {
      if (kind === 1) return { kind: 'maximum', name, shape, zero: data.u8(), a: this.view(), b: this.view() };
      if (kind === 2) return { kind: 'accumulate', name, shape, bias: data.integers(), terms: data.list(17, () => this.term()) };
      if (kind !== 0) throw new CircuitRefusal(name, 'encoding', `layer kind ${kind}`);
      const zero = data.u8();
      const bias = data.integers();
      const terms = data.list(17, () => this.term());
      const shift = data.bytes(data.count(1));
      return { kind: 'requantize', name, shape, zero, bias, terms, shift, table: data.u32() };
    })();
    this.shapes.push(shape);
    return layer;
  }

  private meaning(): TensorMeaning {
    const { data } = this;
    const name = data.text();
    const dims = data.list(4, () => data.u32());
    return { name, dims, scale: data.f64(), zero: data.u8(), note: data.text(), labels: data.list(1, () => data.text()) };
  }

  read(): Circuit {
    const { data } = this;
    const version = data.u8();
    const set = data.u8();
    if (version !== ENCODING_VERSION || set !== PARAMETER_SET) {
      throw new CircuitRefusal(
        '',
        'encoding',
        `version ${version}, parameter set ${set}; this program reads version ${ENCODING_VERSION}, set ${PARAMETER_SET}`,
      );
    }
    const inputs = data.list(13, (): Tensor => ({ shape: readShape(data), zero: data.u8() }), MAX_TENSORS);
    this.shapes.push(...inputs.map((t) => t.shape));
    const tables = data.list(8, (): Table => ({ first: data.i32(), values: data.bytes(data.count(1)) }), MAX_LAYERS);
    const committed = data.u8();
    if (committed > 1) throw new CircuitRefusal('', 'encoding', `the flag of committed weights is ${committed}`);
    this.committed = committed === 1;
    const weightRoot = this.committed ? data.bytes(32) : null;
    const count = data.count(14);
    if (count > MAX_LAYERS) throw new CircuitRefusal('', 'limit', `${count} layers, at most ${MAX_LAYERS} are allowed`);
    const layers = Array.from({ length: count }, () => this.layer());
    const outputs = data.list(4, () => data.u32(), MAX_TENSORS);
    const meanings = (): TensorMeaning[] => data.list(19, () => this.meaning(), MAX_TENSORS);
    const meaning = { inputs: meanings(), outputs: meanings() };
    data.end();
    return { inputs, layers, outputs, tables, weightRoot, meaning };
  }
}

/** Decodes a canonical encoding. Throws `CircuitRefusal`: anything that is not the encoding of its own circuit is refused. */
export function decodeCircuit(bytes: Uint8Array): Circuit {
  if (bytes.length > MAX_CIRCUIT_BYTES)
    throw new CircuitRefusal('', 'limit', `the circuit takes ${bytes.length} bytes, at most ${MAX_CIRCUIT_BYTES} are allowed`);
  const circuit = new CircuitReader(bytes).read();
  const again = encodeCircuit(circuit);
  if (again.length !== bytes.length || again.some((b, k) => b !== bytes[k]))
    throw new CircuitRefusal('', 'encoding', 'the encoding is not canonical');
  return circuit;
}

/** 32 bytes that name the circuit. */
export function circuitDigest(circuit: Circuit, hash: Hash = hashWithNoble): Uint8Array {
  return hash('veritab 1 circuit', encodeCircuit(circuit));
}

/** 32 bytes that bind the weights of one convolution. */
export function weightsHash(weights: Int8Array, hash: Hash = hashWithNoble): Uint8Array {
  return hash('veritab 1 weights', new Uint8Array(weights.buffer, weights.byteOffset, weights.length));
}
