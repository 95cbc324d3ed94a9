/** Index maps become products of axis maps where they are some, and read the same either way. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { size, type Shape, type View } from '../../circuits/graph/circuit.ts';
import { isProduct, positionsOf, selected, sourcesOf, viewOf, withoutRim } from '../../circuits/quantize/views.ts';

const length = fc.integer({ min: 1, max: 5 });
const shape: fc.Arbitrary<Shape> = fc.tuple(length, length, length);
const PERMUTATIONS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** What an operand reads at each position, -1 where nothing. */
function reads(view: View, tensorShape: Shape): number[] {
  const all = new Array<number>(size(view.shape)).fill(-1);
  for (const part of view.parts) {
    positionsOf(part, view.shape, tensorShape).forEach((source, k) => {
      if (source >= 0) all[k] = source;
    });
  }
  return all;
}

/** A flat map made of a map per axis: `axes[a]` drives tensor axis a. */
const product = fc
  .tuple(shape, shape, fc.constantFrom(...PERMUTATIONS), fc.infiniteStream(fc.integer({ min: -1, max: 4 })))
  .map(([operand, tensor, axes, stream]) => {
    const maps = axes.map((axis, a) => Array.from({ length: operand[axis] }, () => Math.min(Number(stream.next().value), tensor[a]! - 1)));
    const index = Int32Array.from({ length: size(operand) }, (_, position) => {
      const coordinates = [
        Math.floor(position / (operand[1] * operand[2])),
        Math.floor(position / operand[2]) % operand[1],
        position % operand[2],
      ];
      const source = axes.map((axis, a) => maps[a]![coordinates[axis]!]!);
      return source.some((t) => t < 0) ? -1 : (source[0]! * tensor[1] + source[1]!) * tensor[2] + source[2]!;
    });
    return { operand, tensor, index };
  });

const anything = fc.tuple(shape, shape).chain(([operand, tensor]) =>
  fc.array(fc.integer({ min: -1, max: size(tensor) - 1 }), { minLength: size(operand), maxLength: size(operand) }).map((index) => ({
    operand,
    tensor,
    index: Int32Array.from(index),
  })),
);

describe('an operand', () => {
  test('reads what its flat map says', () => {
    fc.assert(
      fc.property(fc.oneof(product, anything), ({ operand, tensor, index }) => {
        expect(
          reads(
            viewOf(operand, [{ tensor: 0, index }], () => tensor),
            tensor,
          ),
        ).toEqual([...index]);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test('of several sources reads the same after it was taken apart and put together', () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 1, max: 4 }), ({ operand, tensor, index }, count) => {
        // position k is covered by source k mod count, or by none
        const sources = Array.from({ length: count }, (_, n) => ({
          tensor: n,
          index: index.map((source, k) => (k % count === n ? source : -1)),
        }));
        const shapeOf = (): Shape => tensor;
        const view = viewOf(operand, sources, shapeOf);
        const again = viewOf(operand, sourcesOf(view, shapeOf), shapeOf);
        expect(reads(view, tensor)).toEqual([...index]);
        expect(again).toEqual(view);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test('is a product of axis maps where the map is one', () => {
    fc.assert(
      fc.property(product, ({ operand, tensor, index }) => {
        expect(isProduct(viewOf(operand, [{ tensor: 0, index }], () => tensor))).toBe(true);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test('reads part of what it did after a selection along an axis', () => {
    const axis = fc.constantFrom<0 | 1 | 2>(0, 1, 2);
    fc.assert(
      fc.property(fc.oneof(product, anything), axis, fc.array(fc.integer({ min: -1, max: 4 }), { minLength: 1 }), (map, a, wanted) => {
        const { operand, tensor, index } = map;
        const picks = Int32Array.from(wanted, (k) => Math.min(k, operand[a] - 1));
        const view = selected(
          viewOf(operand, [{ tensor: 0, index }], () => tensor),
          a,
          picks,
        );
        const before = (c: number, i: number, j: number): number => index[(c * operand[1] + i) * operand[2] + j]!;
        const expected: number[] = [];
        const [channels, height, width] = view.shape;
        for (let c = 0; c < channels; c++)
          for (let i = 0; i < height; i++)
            for (let j = 0; j < width; j++) {
              const at: [number, number, number] = [c, i, j];
              const pick = picks[at[a]]!;
              at[a] = pick;
              expected.push(pick < 0 ? -1 : before(...at));
            }
        expect(reads(view, tensor)).toEqual(expected);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test('loses its uncovered rim to the padding', () => {
    // 4 x 5 of a 2 x 2 tensor with 1 row above, 1 below, 2 columns before, 1 after
    const index = Int32Array.of(-1, -1, -1, -1, -1, -1, -1, 0, 1, -1, -1, -1, 2, 3, -1, -1, -1, -1, -1, -1);
    const tensor: Shape = [1, 2, 2];
    const { operand, pad } = withoutRim(
      viewOf([1, 4, 5], [{ tensor: 0, index }], () => tensor),
      [0, 1],
    );
    expect(pad).toEqual([1, 3]);
    expect(operand.shape).toEqual([1, 2, 2]);
    expect(reads(operand, tensor)).toEqual([0, 1, 2, 3]);
  });
});
