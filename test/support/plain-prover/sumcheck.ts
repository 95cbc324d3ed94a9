/** The prover's rounds: products of two vectors, and the layers of the lookup tree. */
import { add, dot, multiply, ONE, subtract, ZERO, type K } from '../../../wasm/reference/field.ts';
import { eqTable, fold } from '../../../wasm/reference/multilinear.ts';
import type { ProofWriter } from './writer.ts';

/** Constant and quadratic coefficient of `sum over pairs of f(X) g(X)`, X the lowest variable. Both have one even length. */
export function plainRoundMessage(f: readonly K[], g: readonly K[]): [K, K] {
  let a = ZERO;
  let c = ZERO;
  for (let i = 0; i < f.length; i += 2) {
    a = add(a, multiply(f[i]!, g[i]!));
    c = add(c, multiply(subtract(f[i + 1]!, f[i]!), subtract(g[i + 1]!, g[i]!)));
  }
  return [a, c];
}

/** Two vectors of 2^variables entries whose product is summed, with a factor. */
export interface Product {
  readonly f: readonly K[];
  readonly g: readonly K[];
  readonly factor: K;
}

/** One batched sumcheck of products of several lengths, shorter ones join late. Returns the point and the folded pairs. */
export function proveProducts(
  writer: ProofWriter,
  label: 'linear' | 'batching',
  products: readonly Product[],
): { point: K[]; ends: [K, K][] } {
  const rounds = Math.max(...products.map(({ f }) => Math.log2(f.length)));
  const point: K[] = [];
  let pairs = products.map(({ f, g, factor }) => ({ f, g, factor, variables: Math.log2(f.length) }));
  for (let i = 0; i < rounds; i++) {
    const active = pairs.filter(({ variables }) => variables >= rounds - i);
    const messages = active.map(({ f, g, factor }) => plainRoundMessage(f, g).map((x) => multiply(factor, x)) as [K, K]);
    writer.send(`${label} round`, [
      dot(
        messages.map(([a]) => a),
        messages.map(() => ONE),
      ),
      dot(
        messages.map(([, c]) => c),
        messages.map(() => ONE),
      ),
    ]);
    const r = writer.challenge(`${label} point`);
    point.push(r);
    pairs = pairs.map((pair) => (active.includes(pair) ? { ...pair, f: fold(pair.f, r), g: fold(pair.g, r) } : pair));
  }
  return { point, ends: pairs.map(({ f, g }) => [f[0]!, g[0]!]) };
}

export interface Fractions {
  readonly numerators: readonly K[];
  readonly denominators: readonly K[];
}

/** p0, q0, p1, q1 of the pairs of nodes of a height. */
type Quadruple = [K[], K[], K[], K[]];

function pairsOf({ numerators, denominators }: Fractions): Quadruple {
  const pairs = Array.from({ length: Math.ceil(numerators.length / 2) }, (_, i) => 2 * i);
  return [
    pairs.map((i) => numerators[i]!),
    pairs.map((i) => denominators[i]!),
    pairs.map((i) => numerators[i + 1] ?? ZERO),
    pairs.map((i) => denominators[i + 1] ?? ONE),
  ];
}

/** Proves that the fractions sum to zero. `height` variables index the leaves; absent leaves are 0 / 1. Returns the point of the claims. */
export function proveTree(writer: ProofWriter, leaves: Fractions, height: number): K[] {
  const heights = [leaves];
  while (heights.length < height) {
    const [p0, q0, p1, q1] = pairsOf(heights[0]!);
    heights.unshift({
      numerators: p0.map((_, i) => add(multiply(p0[i]!, q1[i]!), multiply(p1[i]!, q0[i]!))),
      denominators: q0.map((_, i) => multiply(q0[i]!, q1[i]!)),
    });
  }
  writer.send(
    'root',
    pairsOf(heights[0]!).map((entries) => entries[0]!),
  );
  let point = [writer.challenge('mu')];
  for (let k = 1; k < height; k++) {
    const lambda = writer.challenge('lambda');
    const gate = (p0: K, q0: K, p1: K, q1: K): K => add(add(multiply(p0, q1), multiply(p1, q0)), multiply(lambda, multiply(q0, q1)));
    let nodes = pairsOf(heights[k]!);
    const below: K[] = [];
    for (let t = 0; t < k; t++) {
      const pairCount = Math.ceil(nodes[0].length / 2);
      const weights = eqTable(point.slice(t + 1), 0, pairCount);
      let b = ZERO;
      let c = ZERO;
      for (let i = 0; i < pairCount; i++) {
        const low = nodes.map((entries) => entries[2 * i]!) as [K, K, K, K];
        const high = nodes.map((entries, part) => entries[2 * i + 1] ?? (part % 2 === 0 ? ZERO : ONE)) as [K, K, K, K];
        const difference = low.map((x, part) => subtract(high[part]!, x)) as [K, K, K, K];
        const quadratic = gate(...difference);
        c = add(c, multiply(weights[i]!, quadratic));
        b = add(b, multiply(weights[i]!, subtract(subtract(gate(...high), gate(...low)), quadratic)));
      }
      writer.send('tree round', [b, c]);
      const r = writer.challenge('tree point');
      below.push(r);
      nodes = nodes.map((entries, part) => fold(entries, r, part % 2 === 0 ? ZERO : ONE)) as Quadruple;
    }
    writer.send(
      'children',
      nodes.map((entries) => entries[0]!),
    );
    point = [writer.challenge('mu'), ...below];
  }
  return point;
}
