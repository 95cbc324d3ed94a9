/**
 * Nodes of one height of the tree in the kernels' memory, and the layer whose children they are. See kernels/tree.ts.
 */
import { mul, ONE, sub, ZERO, type K } from '../field/qm31.ts';
import { readQuad } from '../claims/product.ts';
import { JOBS } from '../runtime/jobs.ts';
import type { Kernels } from '../runtime/kernels.ts';
import type { Layer, Pair } from './layer.ts';
import { overGroups, Weights } from './weights.ts';

/** Quad vectors p and q, with absent nodes (0, 1) behind the last up to `capacity`. */
export interface Nodes {
  readonly p: number;
  readonly q: number;
  readonly length: number;
  readonly capacity: number;
}

/** Which nodes are absent, in groups: see kernels/tree.ts. */
export interface Presence {
  /** Address of one byte for each group of 2^log leaves, or 0 where no group is absent. */
  at(log: number): number;
}

/** Of trees in which nothing is worth leaving out. */
export const EVERYTHING: Presence = { at: () => 0 };

/** Nodes come in so many. */
const UNIT = 32;

export function capacityOf(length: number): number {
  return UNIT * Math.max(1, Math.ceil(length / UNIT));
}

/** Sets elements start .. end - 1 of a quad vector to a value. */
export function fillQuads(kernels: Kernels, quads: number, start: number, end: number, value: K): void {
  const words = kernels.words;
  for (let k = start; k < end; k++) {
    const w = (quads >>> 2) + 16 * (k >>> 2) + (k & 3);
    for (let i = 0; i < 4; i++) words[w + 4 * i] = value[i]!;
  }
}

/** Room for the nodes of a height; those behind `length` are absent, the others not yet set. */
export function allocateNodes(kernels: Kernels, length: number): Nodes {
  const capacity = capacityOf(length);
  const p = kernels.arena.allocate(16 * capacity);
  const q = kernels.arena.allocate(16 * capacity);
  fillQuads(kernels, p, length, capacity, ZERO);
  fillQuads(kernels, q, length, capacity, ONE);
  return { p, q, length, capacity };
}

/** (p, q) of a node. */
export function readNode(kernels: Kernels, nodes: Nodes, k: number): readonly [K, K] {
  return [readQuad(kernels, nodes.p, k), readQuad(kernels, nodes.q, k)];
}

/** Parents of nodes of 2^log leaves each. */
export function parentsOf(kernels: Kernels, children: Nodes, log: number, presence: Presence): Nodes {
  const parents = allocateNodes(kernels, Math.ceil(children.length / 2));
  const args = [children.p, children.q, parents.p, parents.q, presence.at(log + 3), children.capacity / 8];
  overGroups(kernels, JOBS.treeParents, args, parents.capacity / 4);
  return parents;
}

/** Four quad vectors p0, q0, e, q1. */
function allocateVectors(kernels: Kernels, length: number): readonly number[] {
  return [0, 1, 2, 3].map(() => kernels.arena.allocate(128 * Math.ceil(length / 8)));
}

/** A layer over explicit nodes of 2^log leaves each, whose claims stand at `point`. */
export class NodeLayer implements Layer {
  private readonly kernels: Kernels;
  private readonly children: Nodes;
  private readonly presence: Presence;
  private readonly variables: number;
  private readonly lambda: K;
  private readonly weights: Weights;
  /** What the vectors are folded to, in turn. */
  private readonly buffers: readonly (readonly number[])[];
  /** log2 of the leaves of an element. */
  private log: number;
  private length: number;
  private bound = 0;

  constructor(kernels: Kernels, children: Nodes, log: number, presence: Presence, point: readonly K[], lambda: K) {
    this.kernels = kernels;
    this.children = children;
    this.presence = presence;
    this.variables = point.length;
    this.lambda = lambda;
    this.log = log;
    this.length = children.length;
    const pairs = Math.ceil(children.length / 4);
    this.weights = new Weights(kernels, point, pairs);
    this.buffers = [allocateVectors(kernels, pairs), allocateVectors(kernels, Math.ceil(pairs / 2))];
  }

  firstQuadratic(): K {
    const { kernels, children, presence, weights } = this;
    const { low, high } = weights.tables(1, this.variables - 1, Math.ceil(children.length / 4));
    return weights.sum((sums) => {
      const args = [children.p, children.q, presence.at(this.log + 4), low, high, sums, ...this.lambda];
      overGroups(kernels, JOBS.treeFirstMessage, args, Math.ceil(children.length / 16));
    })[1];
  }

  bind(r: K): readonly [K, K] | null {
    const { kernels, children, presence, weights } = this;
    const first = this.bound === 0;
    const from = first ? [children.p, children.q] : this.buffers[(this.bound + 1) % 2]!;
    const to = this.buffers[this.bound % 2]!;
    const blocks = Math.ceil(this.length / (first ? 16 : 8));
    this.length = Math.ceil(this.length / (first ? 4 : 2));
    this.log += first ? 2 : 1;
    this.bound += 1;
    const last = this.bound === this.variables;
    const { low, high } = last
      ? { low: 0, high: 0 }
      : weights.tables(this.bound + 1, this.variables - this.bound - 1, Math.ceil(this.length / 2));
    const message = weights.sum((sums) => {
      const present = [presence.at(this.log + 2), presence.at(this.log + 3), blocks];
      const args = [...from, ...to, ...present, low, high, sums, ...r, ...this.lambda];
      overGroups(kernels, first ? JOBS.treeFirstFold : JOBS.treeFold, args, Math.ceil(this.length / 8));
    });
    return last ? null : message;
  }

  pair(): Pair {
    const [p0, q0, e, q1] = this.buffers[(this.bound + 1) % 2]!.map((quads) => readQuad(this.kernels, quads, 0)) as [K, K, K, K];
    return [p0, q0, sub(e, mul(this.lambda, q1)), q1];
  }
}
