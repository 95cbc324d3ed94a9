/** Index maps: how the operators that only move elements become views, of variables or folded on constants. */
import { count, strides } from '../dims.ts';
import type { FloatValue, ViewNode } from '../float-graph.ts';
import type { Tensor } from '../tensor.ts';
import type { Meaning, Operator } from './operator.ts';

/** Where an operand goes: flat position i of the result is flat position `index[i]` of it, -1 if it is not; null is the identity. */
export interface ViewPart {
  readonly operand: number;
  readonly index: Int32Array | null;
}

/**
 * The flat index map of a product of axis maps: the result's position (o_0, o_1, ..) reads position `sum of offsets[a][o_a]`, or none if
 * one of them is -1.
 */
export function productIndex(offsets: readonly Int32Array[]): Int32Array {
  let index = Int32Array.of(0);
  for (const axis of offsets) {
    const longer = new Int32Array(index.length * axis.length);
    for (let outer = 0, next = 0; outer < index.length; outer++) {
      const base = index[outer]!;
      for (let o = 0; o < axis.length; o++, next++) longer[next] = base < 0 || axis[o]! < 0 ? -1 : base + axis[o]!;
    }
    index = longer;
  }
  return index;
}

/** The offsets of one axis whose position o reads coordinate `map[o]` of an axis with this stride. */
export function axisOffsets(map: Int32Array, stride: number): Int32Array {
  return positions(map.length, (o) => (map[o]! < 0 ? -1 : map[o]! * stride));
}

/** `coordinate(0), coordinate(1), ..`: what the positions along an axis read; by default themselves. */
export function positions(length: number, coordinate: (position: number) => number = (o) => o): Int32Array {
  const result = new Int32Array(length);
  for (let o = 0; o < length; o++) result[o] = coordinate(o);
  return result;
}

export function range(length: number): number[] {
  return Array.from({ length }, (_, k) => k);
}

/** Every axis read in full but those in `maps`: their position o reads coordinate `map[o]`. */
export function axesView(op: Operator, dims: readonly number[], maps: ReadonlyMap<number, Int32Array>, output = 0, fill = 0): Meaning {
  const steps = strides(dims);
  const full = dims.map((dim, axis) => maps.get(axis) ?? positions(dim));
  const result = full.map(({ length }) => length);
  if (count(result) > 0) op.checkDims(result);
  return view(op, result, [{ operand: 0, index: productIndex(full.map((map, axis) => axisOffsets(map, steps[axis]!))) }], output, fill);
}

/** A result with dimensions `dims` that is made of operands; positions of no operand are `fill`. */
export function view(op: Operator, dims: readonly number[], parts: readonly ViewPart[], output = 0, fill = 0): Meaning {
  const operands = parts.map(({ operand, index }) => ({ operand: op.operand(operand), position: operand, index }));
  const constants = operands.flatMap(({ operand, index }) => (operand.kind === 'constant' ? [{ tensor: operand.tensor, index }] : []));
  if (constants.length === operands.length) return { kind: 'constant', tensor: moved(op, dims, constants, output, fill) };

  const fills = new Set<number | bigint>();
  for (const { tensor } of constants) tensor.data.forEach((value: number | bigint) => fills.add(value));
  if (fills.size > 1) {
    throw op.error(
      `joins a computed value with the constant ${constants[0]!.tensor.name}`,
      'a constant part is supported only if all of its values are the same',
    );
  }
  const [constantFill] = fills;
  const value = typeof constantFill === 'number' ? constantFill : fill;
  if (!Number.isFinite(value)) throw op.error(`fills with ${value}, expected a finite number`);
  const node: ViewNode = {
    kind: 'view',
    name: output === 0 ? op.name : `${op.name} -> ${op.outputs[output] ?? ''}`,
    operator: op.type,
    output: op.output(dims, output),
    parts: operands
      .filter(({ operand }) => operand.kind !== 'constant')
      .map(({ position, index }) => {
        const input = op.variable(position);
        return { input, index: isIdentity(index, input, dims) ? null : index };
      }),
    fill: value,
  };
  return node;
}

function isIdentity(index: Int32Array | null, input: FloatValue, dims: readonly number[]): boolean {
  if (index === null) return true;
  if (count(dims) !== count(input.dims)) return false;
  let position = 0;
  while (position < index.length && index[position] === position) position++;
  return position === index.length;
}

function moved(
  op: Operator,
  dims: readonly number[],
  parts: readonly { readonly tensor: Tensor; readonly index: Int32Array | null }[],
  output: number,
  fill: number,
): Tensor {
  const name = op.outputs[output] ?? '';
  const [first] = parts;
  const { type } = first!.tensor;
  if (parts.some(({ tensor }) => tensor.type !== type)) throw op.error('joins constants of different types');
  const place = <T extends Float32Array | BigInt64Array>(result: T): T => {
    for (const { tensor, index } of parts) {
      const data = tensor.data as T;
      if (index === null) result.set(data as Float32Array & BigInt64Array);
      else index.forEach((source, position) => source >= 0 && (result[position] = data[source]!));
    }
    return result;
  };
  if (type === 'float') return { type, name, dims, data: place(new Float32Array(count(dims)).fill(fill)) };
  if (!Number.isSafeInteger(fill)) throw op.error(`fills integers with ${fill}`);
  return { type, name, dims, data: place(new BigInt64Array(count(dims)).fill(BigInt(fill))) };
}

/** The dimensions of an operand that may be a constant or a variable. */
export function dimsOf(op: Operator, position: number): readonly number[] {
  const operand = op.operand(position);
  return operand.kind === 'constant' ? operand.tensor.dims : op.variable(position).dims;
}
