/**
 * The prover's sumcheck of one layer of the tree: from claims about the nodes of a height to claims about their children. Source: ../README.md, section 6.
 */
import { add, inverse, mul, ONE, sub, type K } from '../field/qm31.ts';
import type { TreeWriter } from './tree.ts';

/** Two neighbouring nodes, (p0, q0) and (p1, q1). */
export type Pair = readonly [p0: K, q0: K, p1: K, q1: K];

/**
 * A layer's children in the kernels' memory. Its rounds are those of g - lambda, g = p0 q1 + p1 q0 + lambda q0 q1: absent nodes contribute nothing to them. Everything it allocates is the caller's to
 * free.
 */
export interface Layer {
  /** The quadratic coefficient of the first round. */
  firstQuadratic(): K;
  /** Binds the next variable to r. The value at 0 and the quadratic coefficient of the round that follows; null after the last. */
  bind(r: K): readonly [value: K, quadratic: K] | null;
  /** When all variables are bound: the two nodes that are left. */
  pair(): Pair;
}

/** Value at r of the polynomial with value `constant` at 0, and linear and quadratic coefficients b, c. */
export function roundValue(constant: K, b: K, c: K, r: K): K {
  return add(constant, mul(r, add(b, mul(r, c))));
}

/**
 * Sends the rounds of a layer whose claims stand at z; `above` is what the layer before ended in, z_0 the point between its two nodes. Returns the children at the challenges, and the challenges.
 * Throws a `RangeError` where a coordinate of z is 0 (probability 2^-124): then the claim does not give h(1).
 */
export function proveLayer(transcript: TreeWriter, layer: Layer, lambda: K, z: readonly K[], above: Pair): readonly [Pair, K[]] {
  // h(0) and h(1) of the first round are what the layer before ended in
  let constant = sub(add(above[0], mul(lambda, above[1])), lambda);
  let one = sub(add(above[2], mul(lambda, above[3])), lambda);
  let c = layer.firstQuadratic();
  const point: K[] = [];
  for (;;) {
    const b = sub(sub(one, constant), c);
    transcript.sendElements('tree round', [b, c]);
    const r = transcript.challenge('tree point');
    point.push(r);
    const claim = roundValue(constant, b, c, r);
    const next = layer.bind(r);
    if (!next) return [layer.pair(), point];
    [constant, c] = next;
    // claim = (1 - z) h(0) + z h(1)
    const at = z[point.length]!;
    one = mul(sub(claim, mul(sub(ONE, at), constant)), inverse(at));
  }
}
