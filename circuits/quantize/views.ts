/**
 * The operands of a circuit from flat index maps, and operations on them. A flat map becomes a product of axis maps where it is one, since
 * the verifier evaluates a product in O(channels + rows + columns) and anything else entry by entry. Source: the proof system, section 6.
 */
import { size, wholeTensor, type AxisPart, type Part, type Shape, type View } from '../graph/circuit.ts';
import { entries, simplified, type IndexMap } from './index-map.ts';

/** One source of an operand or value: flat position i reads position `index[i]` of the tensor. */
export interface Source {
  readonly tensor: number;
  readonly index: IndexMap;
}

export type ShapeOf = (tensor: number) => Shape;

/** The identity first, so that axes of length 1 do not give odd permutations. */
const PERMUTATIONS: readonly AxisPart['axes'][] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/** Steps of a flat index along the three axes. */
export function strides([, height, width]: Shape): readonly [number, number, number] {
  return [height * width, width, 1];
}

/** Coordinate of a flat position along an axis. */
function coordinate(position: number, axis: number, shape: Shape): number {
  return Math.floor(position / strides(shape)[axis]!) % shape[axis]!;
}

/** The flat positions that a product of axis maps reads. */
function productPositions(part: AxisPart, shape: Shape, tensorShape: Shape): Int32Array {
  const steps = strides(tensorShape);
  const offsets: Int32Array[] = [];
  part.maps.forEach((map, a) => {
    offsets[part.axes[a]!] = map.map((t) => (t < 0 ? -1 : t * steps[a]!));
  });
  const [byChannel, byRow, byColumn] = offsets as [Int32Array, Int32Array, Int32Array];
  const positions = new Int32Array(size(shape)).fill(-1);
  let next = 0;
  for (let c = 0; c < shape[0]; c++) {
    for (let i = 0; i < shape[1]; i++) {
      const base = byChannel[c]! < 0 || byRow[i]! < 0 ? -1 : byChannel[c]! + byRow[i]!;
      for (let j = 0; j < shape[2]; j++, next++) if (base >= 0 && byColumn[j]! >= 0) positions[next] = base + byColumn[j]!;
    }
  }
  return positions;
}

/** The flat positions that a part of a view reads. */
export function positionsOf(part: Part, shape: Shape, tensorShape: Shape): Int32Array {
  return part.kind === 'gather' ? part.index : productPositions(part, shape, tensorShape);
}

/** A flat map as a product of axis maps, or null where it is none. */
function factored(tensor: number, index: Int32Array, shape: Shape, tensorShape: Shape): AxisPart | null {
  const start = index.findIndex((source) => source >= 0);
  if (start < 0) return null;
  const steps = strides(shape);
  for (const axes of PERMUTATIONS) {
    const maps = axes.map((axis, a) => {
      const origin = start - coordinate(start, axis, shape) * steps[axis]!;
      return Int32Array.from({ length: shape[axis]! }, (_, k) => {
        const source = index[origin + k * steps[axis]!]!;
        return source < 0 ? -1 : coordinate(source, a, tensorShape);
      });
    });
    const part: AxisPart = { kind: 'axes', tensor, axes, maps: [maps[0]!, maps[1]!, maps[2]!] };
    const positions = productPositions(part, shape, tensorShape);
    if (positions.every((source, i) => source === index[i])) return part;
  }
  return null;
}

/** Is every part a product of axis maps? */
export function isProduct(view: View): boolean {
  return view.parts.every((part) => part.kind === 'axes');
}

/** The operand that reads these sources, in C-order of `shape`. Sources that cover nothing are left out. */
export function viewOf(shape: Shape, sources: readonly Source[], shapeOf: ShapeOf): View {
  const parts = sources.flatMap(({ tensor, index }): Part[] => {
    const tensorShape = shapeOf(tensor);
    if (!index && tensorShape.every((n, a) => n === shape[a])) return [...wholeTensor(tensor, shape).parts];
    const all = entries(index, size(shape));
    if (all.every((source) => source < 0)) return [];
    return [factored(tensor, all, shape, tensorShape) ?? { kind: 'gather', tensor, index: all }];
  });
  return { shape, parts };
}

/** What an operand reads, as flat sources. */
export function sourcesOf(view: View, shapeOf: ShapeOf): Source[] {
  return view.parts.map((part) => {
    const tensorShape = shapeOf(part.tensor);
    return { tensor: part.tensor, index: simplified(positionsOf(part, view.shape, tensorShape), size(tensorShape)) };
  });
}

function withAxis(shape: Shape, axis: 0 | 1 | 2, length: number): Shape {
  const result: [number, number, number] = [...shape];
  result[axis] = length;
  return result;
}

/** Reads positions of one axis of an operand: position k of the result is position `picks[k]` of it, not covered where that is -1. */
export function selected(view: View, axis: 0 | 1 | 2, picks: Int32Array): View {
  const shape = withAxis(view.shape, axis, picks.length);
  const parts = view.parts.map((part): Part => {
    if (part.kind === 'axes') {
      const [a, b, c] = part.maps.map((map, t) => (part.axes[t] === axis ? picks.map((k) => (k < 0 ? -1 : map[k]!)) : map));
      return { ...part, maps: [a!, b!, c!] };
    }
    const from = strides(view.shape);
    const to = strides(shape);
    return {
      ...part,
      index: Int32Array.from({ length: size(shape) }, (_, position) => {
        const pick = picks[coordinate(position, axis, shape)]!;
        if (pick < 0) return -1;
        let source = pick * from[axis];
        for (const other of [0, 1, 2] as const)
          if (other !== axis) source += (Math.floor(position / to[other]) % shape[other]) * from[other];
        return part.index[source]!;
      }),
    };
  });
  return { shape, parts: parts.filter((part) => covers(part)) };
}

function covers(part: Part): boolean {
  if (part.kind === 'gather') return part.index.some((source) => source >= 0);
  return part.maps.every((map) => map.some((source) => source >= 0));
}

/** Does the part read anything at position `k` of an operand's axis 1 or 2? Whole rows or columns only: a gather always may. */
function reads(part: Part, axis: 1 | 2, k: number): boolean {
  return part.kind === 'gather' || part.maps[part.axes.indexOf(axis)]![k]! >= 0;
}

/**
 * Takes uncovered rows and columns at the rim of an operand away, since the padding of a convolution or window sum does the same. Returns the
 * smaller operand and the padding (top, left) to use with it.
 */
export function withoutRim(
  view: View,
  pad: readonly [number, number],
): { readonly operand: View; readonly pad: readonly [number, number] } {
  let operand = view;
  const rim: [number, number] = [...pad];
  for (const axis of [1, 2] as const) {
    const length = operand.shape[axis];
    const covered = Array.from({ length }, (_, k) => operand.parts.some((part) => reads(part, axis, k)));
    const first = covered.indexOf(true);
    const last = covered.lastIndexOf(true);
    if (first < 0 || (first === 0 && last === length - 1)) continue;
    operand = selected(
      operand,
      axis,
      Int32Array.from({ length: last - first + 1 }, (_, k) => first + k),
    );
    rim[axis - 1]! += first;
  }
  return { operand, pad: rim };
}
