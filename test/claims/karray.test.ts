import { describe, expect, it } from 'vitest';
import {
  dotIntegers,
  dotK,
  eqArray,
  formValue,
  kArray,
  outer,
  placeIntegers,
  push,
  spread,
  subtractShifted,
  sumK,
  unshift,
  valuesOf,
  scaleByIntegers,
} from '../../wasm/field/karray.ts';
import { add, eqTable, fromInteger, mul, P, scale, sub, sum, ZERO, type K } from '../../wasm/field/qm31.ts';
import { loadKernels } from '../support/kernels.ts';
import { seededElements, seededGenerator } from '../support/random.ts';

const kernels = await loadKernels();
const random = seededGenerator(11);
const elements = (n: number): K[] => seededElements(random, n);

describe('arrays over K in the kernels', () => {
  it('take dot products with very many bytes, as large as can be', () => {
    const n = 2 ** 24 + 2 ** 20 + 3;
    const mark = kernels.arena.mark();
    const one = kArray(kernels, [[1, 0, 0, 0]]);
    const bytes = kernels.arena.allocate(n);
    const x = { address: kernels.arena.allocate(16 * n), length: n };
    kernels.bytes.fill(255, bytes, bytes + n);
    kernels.words.fill(P - 1, x.address >>> 2, (x.address >>> 2) + 4 * n);
    const word = fromInteger(-255 * n)[0];
    expect(formValue(kernels, one, one, x, bytes, true)).toEqual([word, word, word, word]);
    kernels.arena.release(mark);
  });

  it('multiply, sum and take dot products as the scalar field does, with words 0 and p - 1', () => {
    for (const n of [0, 1, 3, 5, 64]) {
      const x = elements(n);
      const y = elements(n);
      expect(dotK(kernels, kArray(kernels, x), kArray(kernels, y))).toEqual(x.reduce((s, v, k) => add(s, mul(v, y[k]!)), ZERO));
      expect(sumK(kernels, kArray(kernels, x))).toEqual(sum(x));
      const w = Int32Array.from({ length: n }, () => Math.floor(random() * 2 ** 32) - 2 ** 31);
      expect(dotIntegers(kernels, kArray(kernels, x), placeIntegers(kernels, w))).toEqual(
        x.reduce((s, v, k) => add(s, mul(v, fromInteger(w[k]!))), ZERO),
      );
      expect(valuesOf(kernels, scaleByIntegers(kernels, kArray(kernels, x), w))).toEqual(x.map((v, k) => mul(v, fromInteger(w[k]!))));
    }
  });

  it('make the eq table of any range', () => {
    for (const [variables, start, length] of [
      [0, 0, 1],
      [1, 0, 2],
      [4, 3, 9],
      [9, 500, 12],
      [7, 127, 1],
      [12, 1000, 600],
    ] as const) {
      const z = elements(variables);
      expect(valuesOf(kernels, eqArray(kernels, z, start, length))).toEqual(eqTable(z, start, length));
    }
  });

  it('undo shifts: 2^s (2^-s x) = x, and subtract shifted vectors', () => {
    const x = elements(25);
    const y = elements(25);
    const shift = Uint8Array.from({ length: 25 }, (_, s) => s);
    expect(valuesOf(kernels, unshift(kernels, kArray(kernels, x), shift)).map((v, s) => scale(2 ** s, v))).toEqual(x);
    expect(valuesOf(kernels, subtractShifted(kernels, kArray(kernels, x), kArray(kernels, y), 12))).toEqual(
      x.map((v, k) => sub(v, scale(4096, y[k]!))),
    );
  });

  it('push vectors through index maps and spread them over windows', () => {
    const x = elements(5);
    const map = Int32Array.of(2, -1, 0, 2, 1);
    expect(valuesOf(kernels, push(kernels, kArray(kernels, x), map, 4))).toEqual([x[2], x[4], add(x[0]!, x[3]!), ZERO]);
    const taps = elements(3);
    const expected = Array.from({ length: 9 }, (): K => ZERO);
    for (let k = 0; k < 5; k++)
      for (let u = 0; u < 3; u++) {
        const i = k * 2 + u * 2 - 3;
        if (i >= 0 && i < 9) expected[i] = add(expected[i]!, mul(x[k]!, taps[u]!));
      }
    expect(valuesOf(kernels, spread(kernels, kArray(kernels, x), kArray(kernels, taps), 9, 2, 2, 3))).toEqual(expected);
  });

  it('evaluate product forms on bytes and on int32 values', () => {
    const [channel, row, column] = [elements(2), elements(3), elements(5)].map((v) => kArray(kernels, v)) as [
      ReturnType<typeof kArray>,
      ReturnType<typeof kArray>,
      ReturnType<typeof kArray>,
    ];
    const product = valuesOf(kernels, outer(kernels, channel, row, column));
    const values = Int32Array.from({ length: 30 }, () => Math.floor(random() * 2 ** 32) - 2 ** 31);
    expect(formValue(kernels, channel, row, column, placeIntegers(kernels, values), false)).toEqual(
      product.reduce((s, v, k) => add(s, mul(v, fromInteger(values[k]!))), ZERO),
    );
    const bytes = Uint8Array.from(values);
    const at = kernels.arena.allocate(64);
    kernels.bytes.set(bytes, at);
    expect(formValue(kernels, channel, row, column, at, true)).toEqual(product.reduce((s, v, k) => add(s, scale(bytes[k]!, v)), ZERO));
  });
});
