/**
 * The tree of fractions: proves that the fractions of all leaves sum to zero, up to a claim about the leaves' numerators and denominators at one point. Prover and verifier. Source: README.md,
 * section 6; the argument is LogUp-GKR (ePrint 2023/1284).
 */
import { add, bits, equal, isZero, mul, sub, type K } from '../field/qm31.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { Refused } from '../statement/refused.ts';
import {
  bindFirst,
  bindNext,
  firstQuadratic,
  lastPair,
  messageAt,
  parentsOf,
  pairWeights,
  readNode,
  type Bound,
  type Nodes,
} from './tree-layers.ts';

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

/** Two neighbouring nodes, (p0, q0) and (p1, q1). */
type Pair = readonly [p0: K, q0: K, p1: K, q1: K];

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

/** Value at r of the polynomial with value `constant` at 0, and linear and quadratic coefficients b, c. */
function roundValue(constant: K, b: K, c: K, r: K): K {
  return add(constant, mul(r, add(b, mul(r, c))));
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

/**
 * The prover's half, for leaves (numerators, denominators). Returns the point of the final claims. The arena is left as it was; the leaves are destroyed.
 */
export function proveTree(kernels: Kernels, transcript: TreeWriter, leaves: Nodes): K[] {
  const mark = kernels.arena.mark();
  const height = treeHeight(leaves.length);
  const marks: number[] = [];
  let nodes = [leaves];
  while (nodes.length < height) {
    marks.push(kernels.arena.mark());
    nodes.push(parentsOf(kernels, nodes[nodes.length - 1]!));
  }
  nodes = nodes.reverse();
  let pair: Pair = [...readNode(kernels, nodes[0]!, 0), ...readNode(kernels, nodes[0]!, 1)];
  transcript.sendElements('root', pair);
  let point: K[] = [transcript.challenge('mu')];
  for (let k = 1; k < height; k++) {
    // a height is no longer needed once its claims stand
    kernels.arena.release(marks[height - 1 - k]!);
    const lambda = transcript.challenge('lambda');
    [pair, point] = proveLayer(kernels, transcript, nodes[k]!, lambda, point, pair);
    transcript.sendElements('children', pair);
    point = [transcript.challenge('mu'), ...point];
  }
  kernels.arena.release(mark);
  return point;
}

/**
 * The sumcheck of one layer, whose claims stand at z; `above` is what the layer before ended in, z_0 the point between. Returns the two nodes at the challenges, and the challenges. Claims
 * here are those of g - lambda, which absent nodes do not contribute to.
 */
function proveLayer(kernels: Kernels, transcript: TreeWriter, children: Nodes, lambda: K, z: readonly K[], above: Pair): [Pair, K[]] {
  const mark = kernels.arena.mark();
  const rounds = z.length;
  const point: K[] = [];
  // h(0) and h(1) of the first round are what the layer before ended in
  let constant = sub(add(above[0], mul(lambda, above[1])), lambda);
  const one = sub(add(above[2], mul(lambda, above[3])), lambda);
  let c = firstQuadratic(kernels, children, pairWeights(kernels, z, 0, Math.ceil(children.length / 4)), lambda);
  let b = sub(sub(one, constant), c);
  let bound: Bound | null = null;
  for (let t = 0; t < rounds; t++) {
    transcript.sendElements('tree round', [b, c]);
    const r = transcript.challenge('tree point');
    point.push(r);
    const claim = roundValue(constant, b, c, r);
    const weights: number =
      t + 1 < rounds ? pairWeights(kernels, z, t + 1, Math.ceil((bound?.length ?? Math.ceil(children.length / 2)) / 4)) : 0;
    bound = bound ? bindNext(kernels, bound, weights, r, lambda) : bindFirst(kernels, children, weights, r, lambda);
    if (weights) ({ constant, b, c } = messageAt(kernels, bound, weights, lambda, claim, z[t + 1]!));
  }
  const pair = lastPair(kernels, bound!, lambda);
  kernels.arena.release(mark);
  return [pair, point];
}
