/**
 * The vectors of one height of the tree and of one layer's sumcheck, in the kernels' memory, and what the prover does with them. See kernels/tree.ts for their form.
 */
import { eqArray } from '../field/karray.ts';
import { add, inverse, isZero, mul, ONE, sub, ZERO, type K } from '../field/qm31.ts';
import { JOBS } from '../runtime/jobs.ts';
import type { Kernels } from '../runtime/kernels.ts';

/** Nodes of one height: quad vectors p and q, with absent nodes (0, 1) behind the last up to `capacity`. */
export interface Nodes {
  readonly p: number;
  readonly q: number;
  readonly length: number;
  readonly capacity: number;
}

/** Nodes, filled up, come in so many: one item of the widest kernel. */
const UNIT = 32;
const GRAIN = 128;

function fillQuads(kernels: Kernels, quads: number, start: number, end: number, [a, b, c, d]: K): void {
  const words = kernels.words;
  for (let k = start; k < end; k++) {
    const w = (quads >>> 2) + 16 * (k >>> 2) + (k & 3);
    words[w] = a;
    words[w + 4] = b;
    words[w + 8] = c;
    words[w + 12] = d;
  }
}

/** Room for the nodes of a height; those behind `length` are absent, the others not yet set. */
export function allocateNodes(kernels: Kernels, length: number): Nodes {
  const capacity = UNIT * Math.max(1, Math.ceil(length / UNIT));
  const p = kernels.arena.allocate(16 * capacity);
  const q = kernels.arena.allocate(16 * capacity);
  fillQuads(kernels, p, length, capacity, ZERO);
  fillQuads(kernels, q, length, capacity, ONE);
  return { p, q, length, capacity };
}

export function parentsOf(kernels: Kernels, children: Nodes): Nodes {
  const parents = allocateNodes(kernels, Math.ceil(children.length / 2));
  kernels.parallel(JOBS.treeParents, [children.p, children.q, parents.p, parents.q], Math.ceil(parents.length / 4), 4 * GRAIN);
  return parents;
}

function readQuad(kernels: Kernels, quads: number, k: number): K {
  const words = kernels.words;
  const w = (quads >>> 2) + 16 * (k >>> 2) + (k & 3);
  return [words[w]!, words[w + 4]!, words[w + 8]!, words[w + 12]!];
}

/** (p, q) of a node. */
export function readNode(kernels: Kernels, nodes: Nodes, k: number): readonly [K, K] {
  return [readQuad(kernels, nodes.p, k), readQuad(kernels, nodes.q, k)];
}

/** eq(z_{>t}, .) for the first `count` entries, as a quad vector. */
export function pairWeights(kernels: Kernels, z: readonly K[], t: number, count: number): number {
  const rest = z.slice(t + 1);
  const lowBits = Math.min(rest.length, 8);
  const low = eqArray(kernels, rest.slice(0, lowBits), 0, 2 ** lowBits);
  const blocks = Math.ceil(count / 4);
  const high = eqArray(kernels, rest.slice(lowBits), 0, Math.ceil((4 * blocks) / 2 ** lowBits));
  const out = kernels.arena.allocate(64 * blocks);
  kernels.parallel(JOBS.eqProduct, [out, 0, low.address, 2 ** lowBits, high.address], blocks, 4 * GRAIN);
  return out;
}

/** Sums per part: the value and the quadratic coefficient of a round. */
function withSums(kernels: Kernels, run: (sums: number) => void): readonly [K, K] {
  const mark = kernels.arena.mark();
  const sums = kernels.arena.allocate(32 * kernels.threads);
  kernels.words.fill(0, sums >>> 2, (sums >>> 2) + 8 * kernels.threads);
  run(sums);
  const words = kernels.words;
  let value: K = ZERO;
  let quadratic: K = ZERO;
  for (let w = sums >>> 2; w < (sums >>> 2) + 8 * kernels.threads; w += 8) {
    value = add(value, [words[w]!, words[w + 1]!, words[w + 2]!, words[w + 3]!]);
    quadratic = add(quadratic, [words[w + 4]!, words[w + 5]!, words[w + 6]!, words[w + 7]!]);
  }
  kernels.arena.release(mark);
  return [value, quadratic];
}

/** The quadratic coefficient of the first round. */
export function firstQuadratic(kernels: Kernels, children: Nodes, weights: number, lambda: K): K {
  return withSums(kernels, (sums) => {
    const args = [children.p, children.q, weights, sums, ...lambda];
    kernels.parallel(JOBS.treeFirstMessage, args, Math.ceil(children.length / 16), GRAIN);
  })[1];
}

/** The layer after some rounds: p0, q0, e = p1 + lambda q1 and q1 of `length` pairs of children, filled up with 0, 1, lambda, 1. */
export interface Bound {
  readonly vectors: readonly [p0: number, q0: number, e: number, q1: number];
  readonly length: number;
  /** Value at 0 and quadratic coefficient of the next round, of g - lambda; none after the last. */
  readonly message: readonly [K, K] | null;
}

function allocateBound(kernels: Kernels, length: number): [number, number, number, number] {
  const bytes = 16 * UNIT * Math.max(1, Math.ceil(length / UNIT));
  return [0, 1, 2, 3].map(() => kernels.arena.allocate(bytes)) as [number, number, number, number];
}

function fillBound(kernels: Kernels, bound: Bound['vectors'], length: number, lambda: K): void {
  const end = 16 * Math.max(1, Math.ceil(length / 16));
  [ZERO, ONE, lambda, ONE].forEach((value, k) => {
    fillQuads(kernels, bound[k]!, length, end, value);
  });
}

/** Binds variable 0 to r. `weights` are those of the next round, 0 if there is none. */
export function bindFirst(kernels: Kernels, children: Nodes, weights: number, r: K, lambda: K): Bound {
  const length = Math.ceil(children.length / 4);
  const vectors = allocateBound(kernels, length);
  const message = withSums(kernels, (sums) => {
    const args = [children.p, children.q, ...vectors, weights, sums, ...r, ...lambda];
    kernels.parallel(JOBS.treeFirstFold, args, Math.ceil(length / 8), GRAIN);
  });
  fillBound(kernels, vectors, length, lambda);
  return { vectors, length, message: weights ? message : null };
}

/** Binds the next variable. */
export function bindNext(kernels: Kernels, bound: Bound, weights: number, r: K, lambda: K): Bound {
  const length = Math.ceil(bound.length / 2);
  const vectors = allocateBound(kernels, length);
  const message = withSums(kernels, (sums) => {
    const args = [...bound.vectors, ...vectors, weights, sums, ...r, ...lambda];
    kernels.parallel(JOBS.treeFold, args, Math.ceil(length / 8), GRAIN);
  });
  fillBound(kernels, vectors, length, lambda);
  return { vectors, length, message: weights ? message : null };
}

/** Constant, linear and quadratic coefficient of a round of g - lambda, whose claim is (1 - z) h(0) + z h(1). */
export function messageAt(
  kernels: Kernels,
  bound: Bound,
  weights: number,
  lambda: K,
  claim: K,
  z: K,
): { readonly constant: K; readonly b: K; readonly c: K } {
  const [constant, c] = bound.message!;
  let one: K;
  if (isZero(z)) {
    // the claim says nothing about h(1)
    one = withSums(kernels, (sums) => {
      kernels.parallel(JOBS.treeMessage, [...bound.vectors, weights, sums, 1, ...lambda], Math.ceil(bound.length / 8), GRAIN);
    })[0];
  } else {
    one = mul(sub(claim, mul(sub(ONE, z), constant)), inverse(z));
  }
  return { constant, b: sub(sub(one, constant), c), c };
}

/** The two nodes that are left when all variables are bound: p0, q0, p1, q1. */
export function lastPair(kernels: Kernels, bound: Bound, lambda: K): readonly [K, K, K, K] {
  const [p0, q0, e, q1] = bound.vectors.map((quads) => readQuad(kernels, quads, 0)) as [K, K, K, K];
  return [p0, q0, sub(e, mul(lambda, q1)), q1];
}
