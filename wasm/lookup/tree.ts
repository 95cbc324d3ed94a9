/**
 * The tree of fractions: proves that the fractions of all leaves sum to zero, up to a claim about the leaves' numerators and denominators at one point. Prover and verifier. Source: README.md,
 * section 6; the argument is LogUp-GKR (ePrint 2023/1284).
 */
import { add, bits, equal, isZero, mul, sub, type K } from '../field/qm31.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { Refused } from '../statement/refused.ts';
import { proveLayer, roundValue, type Pair } from './layer.ts';
import { LeafLayer, parentsOfLeaves, readLeaf, type Leaves } from './leaves.ts';
import { EVERYTHING, NodeLayer, parentsOf, readNode, type Nodes } from './nodes.ts';

/** What the prover needs of a transcript. */
export interface TreeWriter {
  sendElements(label: string, values: readonly K[]): void;
  challenge(label: string): K;
}

/** What the verifier needs of a transcript. */
export interface TreeReader {
  receiveElements(label: string, count: number): K[];
  challenge(label: string): K;
}

/** The claims on the leaves at a point. */
export interface LeafClaim {
  readonly point: K[];
  readonly numerator: K;
  readonly denominator: K;
}

/** Variables of a vector of `length` leaves. */
export function treeHeight(length: number): number {
  return Math.max(1, bits(length));
}

function numeratorOf([p0, q0, p1, q1]: Pair): K {
  return add(mul(p0, q1), mul(p1, q0));
}

/** p and q of the node between two nodes that mu stands for. */
function between([p0, q0, p1, q1]: Pair, mu: K): readonly [K, K] {
  return [add(p0, mul(mu, sub(p1, p0))), add(q0, mul(mu, sub(q1, q0)))];
}

/** The verifier's half: receives the tree of `length` leaves. Throws `Refused`. */
export function verifyTree(transcript: TreeReader, length: number): LeafClaim {
  let pair = transcript.receiveElements('root', 4) as unknown as Pair;
  if (!isZero(numeratorOf(pair))) throw new Refused('lookup sum', 'the fractions do not sum to zero: some lookup is in no table');
  if (isZero(mul(pair[1], pair[3]))) throw new Refused('lookup sum', 'a denominator is zero');
  let mu = transcript.challenge('mu');
  let point: K[] = [mu];
  let [numerator, denominator] = between(pair, mu);
  const height = treeHeight(length);
  for (let k = 1; k < height; k++) {
    const lambda = transcript.challenge('lambda');
    let claim = add(numerator, mul(lambda, denominator));
    const below: K[] = [];
    for (let t = 0; t < k; t++) {
      const [b, c] = transcript.receiveElements('tree round', 2) as [K, K];
      const r = transcript.challenge('tree point');
      claim = roundValue(sub(claim, mul(point[t]!, add(b, c))), b, c, r);
      below.push(r);
    }
    pair = transcript.receiveElements('children', 4) as unknown as Pair;
    if (!equal(add(numeratorOf(pair), mul(lambda, mul(pair[1], pair[3]))), claim))
      throw new Refused('lookup tree', `the nodes of height ${k + 1} do not give those of height ${k}`);
    mu = transcript.challenge('mu');
    point = [mu, ...below];
    [numerator, denominator] = between(pair, mu);
  }
  return { point, numerator, denominator };
}

/** A tree's leaves: those of an execution, or explicit nodes. */
export type TreeLeaves = Leaves | Nodes;

/**
 * The prover's half. Returns the point of the final claims. The arena is left as it was; the leaves are destroyed.
 */
export function proveTree(kernels: Kernels, transcript: TreeWriter, leaves: TreeLeaves): K[] {
  const { arena } = kernels;
  const mark = arena.mark();
  const length = 'map' in leaves ? leaves.map.length : leaves.length;
  const presence = 'map' in leaves ? leaves.map : EVERYTHING;
  const height = treeHeight(length);
  // heights[k]: the nodes of 2^(k + 1) leaves each, and what the arena was before them
  const heights: { nodes: Nodes; mark: number }[] = [];
  for (let k = 1; k < height; k++) {
    const before = arena.mark();
    const below = heights[k - 2]?.nodes;
    const nodes = below
      ? parentsOf(kernels, below, k - 1, presence)
      : 'map' in leaves
        ? parentsOfLeaves(kernels, leaves)
        : parentsOf(kernels, leaves, 0, presence);
    heights.push({ nodes, mark: before });
  }
  const top = heights.pop();
  const read = (k: number): readonly [K, K] =>
    top ? readNode(kernels, top.nodes, k) : 'map' in leaves ? readLeaf(kernels, leaves, k) : readNode(kernels, leaves, k);
  let pair: Pair = [...read(0), ...read(1)];
  transcript.sendElements('root', pair);
  if (top) arena.release(top.mark);
  let point: K[] = [transcript.challenge('mu')];
  for (let k = 1; k < height; k++) {
    const own = heights.pop();
    const lambda = transcript.challenge('lambda');
    const before = arena.mark();
    const layer = own
      ? new NodeLayer(kernels, own.nodes, height - 1 - k, presence, point, lambda)
      : 'map' in leaves
        ? new LeafLayer(kernels, leaves, point, lambda)
        : new NodeLayer(kernels, leaves, 0, presence, point, lambda);
    [pair, point] = proveLayer(transcript, layer, lambda, point, pair);
    transcript.sendElements('children', pair);
    point = [transcript.challenge('mu'), ...point];
    // a height is no longer needed once its claims stand
    arena.release(own ? own.mark : before);
  }
  arena.release(mark);
  return point;
}
