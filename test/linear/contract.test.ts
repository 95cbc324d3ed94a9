import { describe, expect, it } from 'vitest';
import { allocateK, kArray, valuesOf } from '../../wasm/field/karray.ts';
import { add, fromInteger, mul, P, sub, ZERO, type K } from '../../wasm/field/qm31.ts';
import { foldQuads, productRound, quadVector, readQuad } from '../../wasm/claims/product.ts';
import { JOBS } from '../../wasm/runtime/jobs.ts';
import { loadKernels } from '../support/kernels.ts';
import { seededElements, seededGenerator, seededWord } from '../support/random.ts';

const kernels = await loadKernels();
const random = seededGenerator(12);

function placeWords(words: readonly number[]): number {
  const at = kernels.arena.allocate(4 * words.length + 64);
  kernels.words.set(words, at >>> 2);
  return at;
}

function placeQuads(values: readonly K[]): number {
  const quads = quadVector(kernels, values.length);
  kernels.exports.kToQuads!(quads, 0, kArray(kernels, values).address, values.length);
  return quads;
}

describe('contractions', () => {
  it('do not overflow where words are as large as can be and there are very many', () => {
    const minusOne: K = [P - 1, P - 1, P - 1, P - 1];
    const mark = kernels.arena.mark();
    const n = 2 ** 17 + 4;
    const count: K = [n, n, n, n];
    const w = kernels.arena.allocate(4 * 4 * n);
    kernels.words.fill(P - 1, w >>> 2, (w >>> 2) + 4 * n);
    const x = allocateK(kernels, n);
    kernels.words.fill(P - 1, x.address >>> 2, (x.address >>> 2) + 4 * n);
    const limbs = kernels.arena.allocate(32 * n);
    kernels.exports.splitUnsigned!(limbs, x.address, n);
    const quads = quadVector(kernels, 4);
    kernels.parallel(JOBS.contractPlanes, [w, 4, n, limbs, quads], 1, 1);
    expect([0, 1, 2, 3].map((p) => readQuad(kernels, quads, p))).toEqual([count, count, count, count]);
    kernels.exports.splitUnsignedBlocks!(limbs, x.address, n);
    const out = allocateK(kernels, 4);
    kernels.parallel(JOBS.dotPlanes, [w, n, limbs, out.address], 4, 1);
    expect(valuesOf(kernels, out)).toEqual([count, count, count, count]);
    for (const plane of [1, 2]) {
      kernels.exports.contractNarrow!(w, plane, n, x.address, out.address);
      expect(valuesOf(kernels, { ...out, length: plane })).toEqual(new Array(plane).fill(count));
    }
    kernels.arena.release(mark);
    expect(mul(minusOne, fromInteger(-1))).toEqual([1, 1, 1, 1]);
  });

  it('contract planes over channels, and planes with a vector, as the sums say', () => {
    for (const [channels, plane] of [
      [1, 4],
      [3, 8],
      [70, 16],
      [5, 2],
      [4, 1],
    ] as const) {
      const w = Array.from({ length: channels * plane }, () => seededWord(random));
      const at = placeWords(w);
      const x = seededElements(random, channels);
      const expected = Array.from({ length: plane }, (_, p) => x.reduce((s, v, c) => add(s, mul(v, fromInteger(w[c * plane + p]!))), ZERO));
      if (plane >= 4) {
        const limbs = kernels.arena.allocate(32 * channels);
        kernels.exports.splitUnsigned!(limbs, kArray(kernels, x).address, channels);
        const quads = quadVector(kernels, plane);
        kernels.parallel(JOBS.contractPlanes, [at, plane, channels, limbs, quads], plane / 4, 1);
        expect(expected.map((_, p) => readQuad(kernels, quads, p))).toEqual(expected);
      } else {
        const out = allocateK(kernels, plane);
        kernels.exports.contractNarrow!(at, plane, channels, kArray(kernels, x).address, out.address);
        expect(valuesOf(kernels, out)).toEqual(expected);
      }
      const y = seededElements(random, plane);
      let limbs = kArray(kernels, y).address;
      if (plane >= 4) {
        const split = kernels.arena.allocate(32 * plane);
        kernels.exports.splitUnsignedBlocks!(split, limbs, plane);
        limbs = split;
      }
      const out = allocateK(kernels, channels);
      kernels.parallel(JOBS.dotPlanes, [at, plane, limbs, out.address], channels, 1);
      const dots = Array.from({ length: channels }, (_, c) => y.reduce((s, v, p) => add(s, mul(v, fromInteger(w[c * plane + p]!))), ZERO));
      expect(valuesOf(kernels, out)).toEqual(dots);
    }
  });

  it('contract int8 weights by rows and by columns, long ones too', () => {
    for (const [rows, length] of [
      [1, 8],
      [2, 3],
      [5, 16],
      [600, 9],
      [3, 2100],
    ] as const) {
      const stride = Math.ceil(length / 8) * 8;
      const m = new Int8Array(rows * stride);
      for (let r = 0; r < rows; r++)
        for (let k = 0; k < length; k++) m[r * stride + k] = [-128, 127, Math.floor(random() * 256) - 128][Math.floor(random() * 3)]!;
      const at = kernels.arena.allocate(m.length + 16);
      kernels.bytes.set(new Uint8Array(m.buffer), at);
      const x = seededElements(random, length);
      const limbs = kernels.arena.allocate(16 * stride);
      kernels.exports.splitSignedBlocks!(limbs, kArray(kernels, x).address, length);
      const out = allocateK(kernels, rows);
      kernels.parallel(JOBS.dotInt8Rows, [at, stride, stride / 8, limbs, out.address], rows, 1);
      expect(valuesOf(kernels, out)).toEqual(
        Array.from({ length: rows }, (_, r) => x.reduce((s, v, k) => add(s, mul(v, fromInteger(m[r * stride + k]!))), ZERO)),
      );
      const y = seededElements(random, rows);
      const pairs = kernels.arena.allocate(32 * Math.ceil(rows / 2));
      kernels.exports.splitSignedPairs!(pairs, kArray(kernels, y).address, rows);
      const columns = allocateK(kernels, stride);
      const scratch = kernels.arena.allocate(256 * kernels.threads);
      kernels.parallel(JOBS.contractInt8Rows, [at, stride, rows, pairs, columns.address, scratch], stride / 8, 1);
      const expected = Array.from({ length: stride }, (_, k) =>
        y.reduce((s, v, r) => add(s, mul(v, fromInteger(m[r * stride + k]!))), ZERO),
      );
      expect(valuesOf(kernels, columns)).toEqual(expected);
    }
  });

  it('take the rounds of a product sumcheck and fold, for lengths that fill no block', () => {
    for (const length of [1, 2, 3, 5, 8, 9, 31, 64]) {
      let f = seededElements(random, length);
      let g = seededElements(random, length);
      const fq = placeQuads(f);
      const gq = placeQuads(g);
      for (;;) {
        const n = f.length;
        const value = (v: readonly K[], k: number): K => v[k] ?? ZERO;
        let a: K = ZERO;
        let c: K = ZERO;
        for (let k = 0; k < n; k += 2) {
          a = add(a, mul(f[k]!, g[k]!));
          c = add(c, mul(sub(value(f, k + 1), f[k]!), sub(value(g, k + 1), g[k]!)));
        }
        expect(productRound(kernels, fq, gq, n)).toEqual([a, c]);
        if (n === 1) break;
        const [r] = seededElements(random, 1) as [K];
        const fold = (v: readonly K[]): K[] =>
          Array.from({ length: Math.ceil(n / 2) }, (_, k) => add(v[2 * k]!, mul(r, sub(value(v, 2 * k + 1), v[2 * k]!))));
        f = fold(f);
        g = fold(g);
        foldQuads(kernels, fq, n, r);
        foldQuads(kernels, gq, n, r);
        expect(f.map((_, k) => readQuad(kernels, fq, k))).toEqual(f);
      }
    }
  });
});
