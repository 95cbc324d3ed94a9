/** The kernels of registration against the same in plain numbers, on one thread and on two, for random words and for 0, 1 and p - 1. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { quadVector, readQuad } from '../../wasm/claims/product.ts';
import { kArray } from '../../wasm/field/karray.ts';
import { P } from '../../wasm/parameters.ts';
import { add, multiply, ONE, scale, subtract, ZERO, type K } from '../../wasm/reference/field.ts';
import { JOBS } from '../../wasm/runtime/jobs.ts';
import type { Kernels } from '../../wasm/runtime/kernels.ts';
import { loadKernels } from '../support/kernels.ts';

const running = [await loadKernels(1), await loadKernels(2)] as const;
afterAll(() => Promise.all(running.map((kernels) => kernels.end())));

const word = fc.oneof(fc.constantFrom(0, 1, P - 1), fc.integer({ min: 0, max: P - 1 }));
const element = fc.tuple(word, word, word, word) as fc.Arbitrary<K>;
const length = fc.oneof(fc.constantFrom(0, 1, 3, 5, 8), fc.integer({ min: 0, max: 70 }));
/** Words of W: weights, and what no weight is. */
const weight = fc.oneof(
  fc.constantFrom(0, 1, 127, 128, 129, P - 1, P - 127, P - 128, P - 129),
  fc.integer({ min: -128, max: 127 }).map((w) => (w < 0 ? w + P : w)),
  word,
);

/** Planes of 2^bits entries, `width` of them valid, behind `before` other planes of that size. */
const slot = fc
  .record({ bits: fc.integer({ min: 0, max: 3 }), before: fc.integer({ min: 0, max: 3 }), planes: fc.integer({ min: 0, max: 9 }) })
  .chain(({ bits, before, planes }) =>
    fc.integer({ min: 1, max: 2 ** bits }).map((width) => ({ plane: 2 ** bits, offset: before * 2 ** bits, planes, width })),
  );

/** Runs the property on every kernels, which are left as they were. */
function holds<T>(arbitrary: fc.Arbitrary<T>, property: (kernels: Kernels, value: T) => void): void {
  fc.assert(
    fc.property(arbitrary, (value) => {
      for (const kernels of running) {
        const mark = kernels.arena.mark();
        property(kernels, value);
        kernels.arena.release(mark);
      }
    }),
    { seed: 1, numRuns: 200 },
  );
}

function placeWords(kernels: Kernels, words: readonly number[], room = words.length): number {
  const address = kernels.arena.allocate(4 * room + 64);
  kernels.words.set(words, address >>> 2);
  return address;
}

/** A quad vector of these elements, in whole pairs of blocks. */
function placeQuads(kernels: Kernels, elements: readonly K[]): number {
  const quads = quadVector(kernels, elements.length);
  kernels.exports.kToQuads!(quads, 0, kArray(kernels, elements).address, elements.length);
  return quads;
}

const readQuads = (kernels: Kernels, quads: number, n: number): K[] => Array.from({ length: n }, (_, k) => readQuad(kernels, quads, k));
const filled = <T>(n: number, value: T): T[] => new Array<T>(n).fill(value);

describe('kernels of registration', () => {
  test('make leaves (1, alpha - w) of words w', () => {
    holds(fc.tuple(fc.array(word, { maxLength: 70 }), element), (kernels, [words, alpha]) => {
      const n = words.length;
      const blocks = Math.ceil(n / 4);
      const [p, q] = [placeQuads(kernels, filled(4 * blocks, ZERO)), placeQuads(kernels, filled(4 * blocks, ZERO))];
      kernels.parallel(JOBS.weightLeaves, [placeWords(kernels, words), p, q, ...alpha], blocks, 2);
      expect(readQuads(kernels, p, n)).toEqual(filled(n, ONE));
      expect(readQuads(kernels, q, n)).toEqual(words.map((w) => subtract(alpha, [w, 0, 0, 0])));
    });
  });

  test('make absent leaves (0, 1) of what is not valid in a slot, and touch nothing else', () => {
    holds(fc.tuple(slot, element), (kernels, [{ plane, offset, planes, width }, other]) => {
      const n = offset + planes * plane + 5;
      const [p, q] = [placeQuads(kernels, filled(n, other)), placeQuads(kernels, filled(n, other))];
      kernels.parallel(JOBS.absentLeaves, [p, q, offset, plane, width], planes, 2);
      const isAbsent = (k: number): boolean => k >= offset && k < offset + planes * plane && k % plane >= width;
      expect(readQuads(kernels, p, n)).toEqual(Array.from({ length: n }, (_, k) => (isAbsent(k) ? ZERO : other)));
      expect(readQuads(kernels, q, n)).toEqual(Array.from({ length: n }, (_, k) => (isAbsent(k) ? ONE : other)));
    });
  });

  test('count each weight of the valid entries of a slot, and no other word', () => {
    const filledSlot = slot.chain((own) => {
      const n = own.offset + own.planes * own.plane;
      return fc.array(weight, { minLength: n, maxLength: n }).map((words) => ({ ...own, words }));
    });
    holds(filledSlot, (kernels, { plane, offset, planes, width, words }) => {
      const counts = placeWords(kernels, filled(256 * kernels.threads, 0));
      kernels.parallel(JOBS.countWeights, [placeWords(kernels, words), offset, plane, width, counts], planes, 2);
      const found = filled(256, 0);
      for (let k = 0; k < 256 * kernels.threads; k++) found[k % 256]! += kernels.words[(counts >>> 2) + k]!;
      const expected = filled(256, 0);
      for (let k = offset; k < words.length; k++) {
        const signed = words[k]! > P / 2 ? words[k]! - P : words[k]!;
        if (k % plane < width && signed >= -128 && signed <= 127) expected[signed + 128]! += 1;
      }
      expect(found).toEqual(expected);
    });
  });

  test('lift words to K', () => {
    holds(fc.array(word, { maxLength: 70 }), (kernels, words) => {
      const blocks = Math.ceil(words.length / 4);
      const quads = placeQuads(kernels, filled<K>(4 * blocks, [9, 9, 9, 9]));
      kernels.parallel(JOBS.liftWords, [placeWords(kernels, words), quads], blocks, 2);
      expect(readQuads(kernels, quads, words.length)).toEqual(words.map((w) => [w, 0, 0, 0]));
    });
  });

  test('write the factor of each output channel to the valid entries of its planes, and touch nothing else', () => {
    const withFactors = fc.tuple(slot, fc.integer({ min: 1, max: 4 }), element).chain(([own, taps, other]) => {
      const channels = Math.ceil(own.planes / taps);
      return fc.array(element, { minLength: channels, maxLength: channels }).map((factors) => ({ ...own, taps, other, factors }));
    });
    holds(withFactors, (kernels, { plane, offset, planes, width, taps, other, factors }) => {
      const n = offset + planes * plane + 5;
      const quads = placeQuads(kernels, filled(n, other));
      kernels.parallel(JOBS.fillPlanes, [quads, offset, plane, width, kArray(kernels, factors).address, taps], planes, 2);
      const expected = Array.from({ length: n }, (_, k) => {
        const isValid = k >= offset && k < offset + planes * plane && k % plane < width;
        return isValid ? factors[Math.floor((k - offset) / plane / taps)]! : other;
      });
      expect(readQuads(kernels, quads, n)).toEqual(expected);
    });
  });

  test('give the constant, quadratic and cubic coefficient of sum e w^2 over pairs, an entry that is missing being 0', () => {
    const pair = length.chain((n) => {
      const elements = fc.oneof(
        fc.array(element, { minLength: n, maxLength: n }),
        fc.constantFrom<K>([P - 1, P - 1, P - 1, P - 1], ONE, ZERO).map((value) => filled(n, value)),
      );
      return fc.tuple(elements, elements);
    });
    holds(pair, (kernels, [e, w]) => {
      const sums = placeWords(kernels, filled(12 * kernels.threads, 0));
      kernels.parallel(JOBS.squareRound, [placeQuads(kernels, e), placeQuads(kernels, w), sums], Math.ceil(e.length / 8), 2);
      const found = filled<K>(3, ZERO).map((_, c) => {
        const parts = Array.from({ length: kernels.threads }, (__, part) => (sums >>> 2) + 12 * part + 4 * c);
        return parts.reduce((sum, at) => add(sum, [...kernels.words.subarray(at, at + 4)] as unknown as K), ZERO);
      });
      let expected: readonly K[] = [ZERO, ZERO, ZERO];
      for (let k = 0; k < e.length; k += 2) {
        // (e0 + X f)(w0 + X v)^2
        const [e0, w0] = [e[k]!, w[k]!];
        const [f, v] = [subtract(e[k + 1] ?? ZERO, e0), subtract(w[k + 1] ?? ZERO, w0)];
        const own = [
          multiply(e0, multiply(w0, w0)),
          add(multiply(e0, multiply(v, v)), scale(2, multiply(f, multiply(w0, v)))),
          multiply(f, multiply(v, v)),
        ];
        expected = expected.map((sum, c) => add(sum, own[c]!));
      }
      expect(found).toEqual(expected);
    });
  });
});
