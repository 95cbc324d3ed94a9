/** The plain product sumcheck's rounds over quad vectors, and the verifier's step. */
import { add, mul, sub, type K } from '../field/qm31.ts';
import { readK } from '../field/karray.ts';
import { JOBS } from '../runtime/jobs.ts';
import type { Kernels } from '../runtime/kernels.ts';

/** Blocks of a chunk of parallel work: below about 2^12 terms the threads would cost more than they give. */
const GRAIN = 512;

/** Bytes of a quad vector for `length` elements, in whole pairs of blocks. */
export function quadVectorBytes(length: number): number {
  return 128 * Math.max(1, Math.ceil(length / 8));
}

/** A zeroed quad vector for `length` elements. */
export function quadVector(kernels: Kernels, length: number): number {
  const bytes = quadVectorBytes(length);
  const address = kernels.arena.allocate(bytes);
  kernels.exports.clear!(address, bytes);
  return address;
}

export function readQuad(kernels: Kernels, quads: number, element: number): K {
  const w = (quads + 64 * (element >>> 2) + 4 * (element & 3)) >>> 2;
  const words = kernels.words;
  return [words[w]!, words[w + 4]!, words[w + 8]!, words[w + 12]!];
}

/** Constant and quadratic coefficient of `sum f(X, x') g(X, x')`, for quad vectors of `length` elements. */
export function productRound(kernels: Kernels, f: number, g: number, length: number): [K, K] {
  const mark = kernels.arena.mark();
  const sums = kernels.arena.allocate(32 * kernels.threads);
  kernels.exports.clear!(sums, 32 * kernels.threads);
  kernels.parallel(JOBS.productRound, [f, g, sums], Math.ceil(length / 8), GRAIN);
  let a = readK(kernels, sums);
  let c = readK(kernels, sums + 16);
  for (let part = 1; part < kernels.threads; part++) {
    a = add(a, readK(kernels, sums + 32 * part));
    c = add(c, readK(kernels, sums + 32 * part + 16));
  }
  kernels.arena.release(mark);
  return [a, c];
}

/** Bytes that `foldQuads` takes meanwhile: several threads do not fold in place. */
export function foldScratchBytes(threads: number, length: number): number {
  const blocks = Math.ceil(length / 8);
  return threads === 1 || blocks <= GRAIN ? 0 : 64 * blocks;
}

/** Binds variable 0 of a quad vector of `length` elements to r, in place; ceil(length / 2) elements are left. */
export function foldQuads(kernels: Kernels, f: number, length: number, r: K): void {
  const blocks = Math.ceil(length / 8);
  const scratch = foldScratchBytes(kernels.threads, length);
  if (scratch === 0) {
    kernels.parallel(JOBS.foldQuads, [f, f, ...r], blocks, blocks);
  } else {
    const mark = kernels.arena.mark();
    const out = kernels.arena.allocate(scratch);
    kernels.parallel(JOBS.foldQuads, [f, out, ...r], blocks, GRAIN);
    kernels.exports.copy!(f, out, 64 * blocks);
    kernels.arena.release(mark);
  }
  // what follows the last block was input; it must read as absent
  if (blocks % 2 === 1) kernels.exports.clear!(f + 64 * blocks, 64);
}

/** The verifier's round: with constant a and quadratic coefficient c, the linear one is claim - 2a - c; the new claim is the value at r. */
export function roundValue(claim: K, a: K, c: K, r: K): K {
  const b = sub(sub(claim, add(a, a)), c);
  return add(a, mul(r, add(b, mul(r, c))));
}
