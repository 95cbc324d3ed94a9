/**
 * The leaves of the lookup tree in the kernels' memory, and their layer's sumcheck. A leaf is (p, q); p is known from the layout, but for the tables' multiplicities, so only q is kept. Source: ../README.md,
 * section 6.
 *
 * The layer works on u = q + p / lambda: then g = p0 q1 + p1 q0 + lambda q0 q1 = lambda u0 u1 - p0 p1 / lambda, one product of two vectors, and one of numerators, which are few (numerators.ts).
 */
import { readQuad } from '../claims/product.ts';
import { inverse, mul, ONE, scale, sub, type K } from '../field/qm31.ts';
import { kArray, placeIntegers } from '../field/karray.ts';
import type { Forward } from '../forward/forward.ts';
import { P } from '../parameters.ts';
import { JOBS } from '../runtime/jobs.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { planeBits, type Layout, type Slot } from '../statement/layout.ts';
import type { LookupChallenges } from './claims.ts';
import type { LeafMap } from './leaf-map.ts';
import type { Layer, Pair } from './layer.ts';
import { allocateNodes, capacityOf, fillQuads, type Nodes } from './nodes.ts';
import { Numerators } from './numerators.ts';
import { overGroups, Weights } from './weights.ts';

export interface Leaves {
  readonly map: LeafMap;
  /** Denominators: a quad vector, 1 behind the last leaf up to `capacity`. */
  readonly q: number;
  readonly capacity: number;
  /** Numerators of the leaves from `start` on up to `capacity` and a little beyond, base words, without those that the map has as bits. `start` is a multiple of 32 at or before `map.tail`. */
  readonly words: number;
  readonly start: number;
}

/** Fills the leaves from an execution. */
export function placeLeaves(
  kernels: Kernels,
  layout: Layout,
  map: LeafMap,
  forward: Forward,
  { alpha, gamma1, gamma2 }: LookupChallenges,
): Leaves {
  const capacity = capacityOf(map.length);
  const q = kernels.arena.allocate(16 * capacity);
  fillQuads(kernels, q, map.length, capacity, ONE);
  const fill = (start: number, end: number, first: number, second: number, tag: number, isSingle: boolean): void => {
    const constant = sub(alpha, scale(tag, gamma2));
    // addresses of what leaf 0 would have
    const args = [q, start, end, first - 4 * start, second ? second - 4 * start : 0, isSingle ? 0 : map.bits, ...constant, ...gamma1];
    overGroups(kernels, JOBS.fillLookups, args, Math.ceil(end / 4) - Math.floor(start / 4));
  };
  /** Channels of a slot, from `first` and `second` words each; those with equal tags at once. */
  const fillSlot = (slot: Slot, first: number, second: number, tags: number | Int32Array): void => {
    const plane = 2 ** planeBits(slot);
    for (let c = 0; c < slot.channels;) {
      let next = slot.channels;
      if (typeof tags !== 'number') for (next = c + 1; next < slot.channels && tags[next] === tags[c];) next += 1;
      const at = 4 * c * plane;
      const tag = typeof tags === 'number' ? tags : tags[c]!;
      fill(slot.offset + c * plane, slot.offset + next * plane, first + at, second ? second + at : 0, tag, plane === 1);
      c = next;
    }
  };
  layout.layers.forEach((slots, index) => {
    if (!slots) return;
    if (slots.kind === 'maximum') {
      const { differences, gains } = forward.maxima[index]!;
      fillSlot(slots.leaves, differences, gains, slots.tag);
      return;
    }
    const { quotients, outputs } = forward.requantized[index]!;
    fillSlot(slots.quotientLeaves, quotients, outputs, slots.quotientTag);
    slots.limbs.forEach((limb, k) => {
      fillSlot(slots.limbLeaves[k]!, forward.witness + 4 * limb.offset, 0, slots.limbTags[k]!);
    });
  });
  const start = map.tail - (map.tail % 32);
  const words = kernels.arena.allocate(4 * (capacity - start + 8));
  kernels.exports.clear!(words, 4 * (capacity - start + 8));
  for (const single of map.singles) kernels.words.fill(1, (words >>> 2) + single.start - start, (words >>> 2) + single.end - start);
  for (const { leaves: slot, first, second, multiplicities, tag } of layout.tables) {
    const mark = kernels.arena.mark();
    fill(slot.offset, slot.offset + slot.channels, placeIntegers(kernels, first), placeIntegers(kernels, second), tag, true);
    kernels.arena.release(mark);
    const memory = kernels.words;
    const from = (forward.witness >>> 2) + multiplicities.offset;
    const to = (words >>> 2) + slot.offset - start;
    for (let k = 0; k < slot.channels; k++) {
      const m = memory[from + k]!;
      memory[to + k] = m === 0 ? 0 : P - m;
    }
  }
  return { map, q, capacity, words, start };
}

/** Numerator and denominator of a leaf. */
export function readLeaf(kernels: Kernels, { map, q, words, start }: Leaves, k: number): readonly [K, K] {
  const bit = (kernels.bytes[map.bits + (k >>> 3)]! >>> (k & 7)) & 1;
  const word = k < start ? 0 : kernels.words[(words >>> 2) + k - start]!;
  return [[bit + word, 0, 0, 0], readQuad(kernels, q, k)];
}

export function parentsOfLeaves(kernels: Kernels, { map, q, capacity, words, start }: Leaves): Nodes {
  const parents = allocateNodes(kernels, Math.ceil(map.length / 2));
  const items = start / 8;
  overGroups(kernels, JOBS.leafParents, [q, map.bits, parents.p, parents.q], items);
  const tail = [q + 16 * start, map.bits + items, parents.p + 64 * items, parents.q + 64 * items, words];
  overGroups(kernels, JOBS.tailParents, tail, capacity / 8 - items);
  return parents;
}

/** The leaf layer, whose claims stand at `point`. Changes the denominators. */
export class LeafLayer implements Layer {
  private readonly kernels: Kernels;
  private readonly leaves: Leaves;
  private readonly variables: number;
  private readonly lambda: K;
  private readonly unlambda: K;
  private readonly weights: Weights;
  private readonly numerators: Numerators;
  private readonly scratch: number;
  /** u0 and u1, in turn. */
  private readonly buffers: readonly (readonly number[])[];
  /** log2 of the leaves of an element of u0. */
  private log = 0;
  private length: number;
  private bound = 0;

  constructor(kernels: Kernels, leaves: Leaves, point: readonly K[], lambda: K) {
    const { arena } = kernels;
    const { map, q, words, start, capacity } = leaves;
    this.kernels = kernels;
    this.leaves = leaves;
    this.variables = point.length;
    this.lambda = lambda;
    this.unlambda = inverse(lambda);
    this.length = map.length;
    const pairs = Math.ceil(map.length / 4);
    this.weights = new Weights(kernels, point, pairs);
    this.scratch = arena.allocate(256 * kernels.threads);
    this.buffers = [pairs, Math.ceil(pairs / 2)].map((n) => [0, 1].map(() => arena.allocate(128 * Math.ceil(n / 8))));
    this.numerators = new Numerators(kernels, map, words + 4 * (map.tail - start), this.weights, point);
    const mark = arena.mark();
    kernels.exports.addWords!(q + 16 * start, words, kArray(kernels, [this.unlambda]).address, capacity - start);
    arena.release(mark);
  }

  /** lambda times a sum over u0 u1, less the numerators' over lambda. */
  private combine([u, uQuadratic]: readonly [K, K]): readonly [K, K] {
    const [p, pQuadratic] = this.numerators.message();
    const { lambda, unlambda } = this;
    return [sub(mul(lambda, u), mul(unlambda, p)), sub(mul(lambda, uQuadratic), mul(unlambda, pQuadratic))];
  }

  firstQuadratic(): K {
    const { kernels, leaves, weights } = this;
    const { map, q } = leaves;
    const { low, high } = weights.tables(1, this.variables - 1, Math.ceil(map.length / 4));
    const sums = weights.sum((at) => {
      const args = [q, map.bits, map.at(4), low, high, at, this.scratch, ...this.unlambda];
      overGroups(kernels, JOBS.leafFirstMessage, args, Math.ceil(map.length / 16));
    });
    return this.combine(sums)[1];
  }

  bind(r: K): readonly [K, K] | null {
    const { kernels, leaves, weights } = this;
    const { map } = leaves;
    const first = this.bound === 0;
    const from = this.buffers[(this.bound + 1) % 2]!;
    const to = this.buffers[this.bound % 2]!;
    const blocks = Math.ceil(this.length / (first ? 16 : 8));
    this.length = Math.ceil(this.length / (first ? 4 : 2));
    this.log += first ? 2 : 1;
    this.bound += 1;
    this.numerators.bind(r);
    const last = this.bound === this.variables;
    const { low, high } = last
      ? { low: 0, high: 0 }
      : weights.tables(this.bound + 1, this.variables - this.bound - 1, Math.ceil(this.length / 2));
    const sums = weights.sum((at) => {
      const present = [map.at(this.log + 2), map.at(this.log + 3)];
      const items = Math.ceil(this.length / 8);
      if (first) {
        const args = [leaves.q, map.bits, ...present, ...to, blocks, low, high, at, this.scratch, ...r, ...this.unlambda];
        overGroups(kernels, JOBS.leafFirstFold, args, items);
      } else {
        overGroups(kernels, JOBS.leafFold, [...from, ...to, ...present, blocks, low, high, at, ...r], items);
      }
    });
    return last ? null : this.combine(sums);
  }

  pair(): Pair {
    const [u0, u1] = this.buffers[(this.bound + 1) % 2]!.map((quads) => readQuad(this.kernels, quads, 0)) as [K, K];
    const [p0, p1] = this.numerators.values();
    return [p0, sub(u0, mul(p0, this.unlambda)), p1, sub(u1, mul(p1, this.unlambda))];
  }
}
