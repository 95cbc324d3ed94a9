/** How values of the ONNX file become tensors of three axes. */
import { size, type Shape } from '../graph/circuit.ts';
import { inverse, type IndexMap } from './index-map.ts';
import type { Stored } from './forms.ts';
import { isProduct, viewOf, type ShapeOf, type Source } from './views.ts';

/** A shape, and the position in it of each flat position of a value. */
export interface Layout {
  readonly shape: Shape;
  readonly order: IndexMap;
}

/** The three axes of ONNX dimensions, C-order: the batch dropped, axes after the third merged into it. `[1, F]`: F channels; `[1, C, L]`: rows of one. */
export function shapeOfDims(dims: readonly number[]): Shape {
  const axes = dims.length > 1 && dims[0] === 1 ? dims.slice(1) : dims;
  const [a = 1, b = 1, ...rest] = axes;
  if (axes.length === 2) return [a, 1, b];
  return [a, b, rest.reduce((x, y) => x * y, 1)];
}

/** The layout in which a value is one whole stored tensor, if it is, else that of its dimensions. */
export function naturalLayout({ sources }: Stored, dims: readonly number[], shapeOf: ShapeOf): Layout {
  const [source, second] = sources;
  const elements = dims.reduce((a, b) => a * b, 1);
  if (source && !second && size(shapeOf(source.tensor)) === elements) {
    if (!source.index) return { shape: shapeOf(source.tensor), order: null };
    if (inverse(source.index)) return { shape: shapeOf(source.tensor), order: source.index };
  }
  return { shape: shapeOfDims(dims), order: null };
}

/**
 * A layout in which constants are per channel: the value's axis along which they vary becomes the channels. Where they vary along several axes, every
 * position is a channel.
 */
export function channelLayout(dims: readonly number[], constants: Float64Array): Layout {
  const elements = constants.length;
  for (let axis = 0, after = elements; axis < dims.length; axis++) {
    const length = dims[axis]!;
    const before = elements / after;
    after /= length;
    const inner = after;
    if (!constants.every((v, i) => v === constants[(Math.floor(i / inner) % length) * inner])) continue;
    const order = Int32Array.from({ length: elements }, (_, i) => {
      const k = Math.floor(i / inner) % length;
      return (k * before + Math.floor(i / (inner * length))) * inner + (i % inner);
    });
    return { shape: [length, before, inner], order: before === 1 ? null : order };
  }
  return { shape: [elements, 1, 1], order: null };
}

/**
 * Rows and columns of `positions` places, `[C][positions]` in C-order: the pair in which the operand is a product of axis maps, if some pair of lengths
 * that occurs in the tensors is one, else `fallback`.
 */
export function planeOf(
  channels: number,
  positions: number,
  sources: readonly Source[],
  fallback: readonly [number, number],
  shapeOf: ShapeOf,
): readonly [number, number] {
  const lengths = sources.flatMap(({ tensor }) => shapeOf(tensor));
  const candidates = [fallback, ...lengths.filter((n) => positions % n === 0).map((n): [number, number] => [n, positions / n])];
  return candidates.find(([height, width]) => isProduct(viewOf([channels, height, width], sources, shapeOf))) ?? fallback;
}
