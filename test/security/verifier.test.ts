/** What the verifiers hold on to: the circuit that the digest names, and weights that nobody has replaced; and that no challenge, however unlikely, makes them throw. */
import { describe, expect, test } from 'vitest';
import { acceptCircuit } from '../../circuits/bounds/accept.ts';
import type { Circuit, Layer, Requantize } from '../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { add, inverse, mul, ONE, sub, ZERO, type K } from '../../wasm/field/qm31.ts';
import { verifyTree } from '../../wasm/lookup/tree.ts';
import { prepareProver } from '../../wasm/prove.ts';
import { verifyTree as verifyTreeReference } from '../../wasm/reference/lookup.ts';
import type { ProofReader } from '../../wasm/reference/transcript.ts';
import { prepareReference, verifyChecked } from '../../wasm/reference/verify.ts';
import { prepareVerifier } from '../../wasm/verify.ts';
import { committedNet, denseNet } from '../support/circuits.ts';
import { loadKernels } from '../support/kernels.ts';

const kernels = await loadKernels();
const context = new TextEncoder().encode('job 1');

function provenDense() {
  const { circuit, weights, inputs } = denseNet();
  const prover = prepareProver(kernels, circuit, weights);
  const { outputs, proof } = prover.prove(inputs, context);
  prover.dispose();
  return { circuit, weights, statement: { inputs, outputs, context }, proof };
}

function prepared(circuit: Circuit, weights: Int8Array[]) {
  const verifier = prepareVerifier(kernels, circuit, weights);
  if (!verifier.ok) throw new Error(verifier.detail);
  return verifier;
}

describe('a circuit that was prepared', () => {
  test('is the one that was checked, whatever becomes of what was given', () => {
    const { circuit, weights, statement, proof } = provenDense();
    const fast = prepared(circuit, weights);
    const reference = prepareReference(circuit, weights);
    if (!reference.ok) throw new Error(reference.detail);
    const [layer] = circuit.layers as readonly Requantize[];
    layer!.bias[0]! += 1000;
    layer!.shift[1] = 0;
    circuit.tables[0]!.values.fill(9);
    expect(circuitDigest(circuit)).not.toEqual(fast.digest);
    expect(fast.verify(statement, proof)).toEqual({ ok: true, weights: 'public' });
    expect(verifyChecked(reference.value, statement, proof)).toEqual({ ok: true, weights: 'public' });
    fast.dispose();
  });

  test('is no other than its digest names: what the encoding does not say is not believed', () => {
    const { circuit, weights } = denseNet();
    // sums of squares, but no root: in memory nothing would bind the weights
    const unbound = { ...committedNet().circuit, weightRoot: undefined as unknown as null };
    for (const verifier of [prepareVerifier(kernels, unbound, committedNet().weights), prepareReference(unbound, committedNet().weights)])
      expect(verifier).toMatchObject({ ok: false });
    // a kind of layer that there is not is encoded as another kind
    const layers = circuit.layers.map((layer, n): Layer => (n === 0 ? ({ ...layer, kind: 'requantise' } as unknown as Layer) : layer));
    for (const verifier of [prepareVerifier(kernels, { ...circuit, layers }, weights), prepareReference({ ...circuit, layers }, weights)])
      expect(verifier).toMatchObject({ ok: false, check: 'circuit' });
    expect(acceptCircuit(circuit, weights)).toEqual(circuit);
    expect(() => acceptCircuit({ ...circuit, layers }, weights)).toThrow(CircuitRefusal);
  });
});

describe('a verifier on kernels that it shares', () => {
  test('verifies no more once it is disposed of, which may be said twice', () => {
    const { circuit, weights, statement, proof } = provenDense();
    const top = kernels.arena.mark();
    const verifier = prepared(circuit, weights);
    expect(verifier.verify(statement, proof).ok).toBe(true);
    verifier.dispose();
    expect(kernels.arena.mark()).toBe(top);
    const next = prepared(circuit, weights);
    verifier.dispose();
    expect(() => verifier.verify(statement, proof)).toThrow('the verifier has been disposed of');
    expect(next.verify(statement, proof).ok).toBe(true);
    next.dispose();
  });

  test('is not disposed of before what was prepared after it, whose weights would be overwritten', () => {
    const { circuit, weights, statement, proof } = provenDense();
    const first = prepared(circuit, weights);
    const second = prepared(circuit, weights);
    expect(() => first.dispose()).toThrow('must be disposed of before it');
    expect(first.verify(statement, proof).ok && second.verify(statement, proof).ok).toBe(true);
    second.dispose();
    first.dispose();
  });

  test('outlives no prover that was prepared before it', () => {
    const { circuit, weights, statement, proof } = provenDense();
    const prover = prepareProver(kernels, circuit, weights);
    const verifier = prepared(circuit, weights);
    expect(() => prover.dispose()).toThrow('must be disposed of before it');
    expect(verifier.verify(statement, proof).ok).toBe(true);
    expect(prover.prove(statement.inputs, context).proof).toEqual(proof);
    verifier.dispose();
    prover.dispose();
    expect(() => prover.prove(statement.inputs, context)).toThrow('the prover has been disposed of');
  });

  test('notices that its weights were freed by somebody else', () => {
    const { circuit, weights, statement, proof } = provenDense();
    const top = kernels.arena.mark();
    const verifier = prepared(circuit, weights);
    kernels.arena.release(top);
    expect(() => verifier.verify(statement, proof)).toThrow('the verifier has been disposed of');
  });
});

describe('challenges that practically never come', () => {
  const leaves: readonly (readonly [K, K])[] = [
    [
      [3, 0, 0, 0],
      [5, 1, 0, 0],
    ],
    [
      [1, 0, 0, 0],
      [7, 0, 2, 0],
    ],
    [
      [1, 4, 0, 0],
      [11, 0, 0, 3],
    ],
    // makes the sum zero
    [ZERO, [13, 1, 1, 1]],
  ];
  const above = ([p0, q0]: readonly [K, K], [p1, q1]: readonly [K, K]): [K, K] => [add(mul(p0, q1), mul(p1, q0)), mul(q0, q1)];
  const at = (x: K, y: K, r: K): K => add(x, mul(r, sub(y, x)));

  /** The messages of an honest prover of four leaves whose challenges are lambda and r; the last leaf's numerator is what makes the sum zero. */
  function honest(lambda: K, r: K): K[][] {
    const [a, b, c, [, q]] = leaves as [[K, K], [K, K], [K, K], [K, K]];
    const left = above(a, b);
    // left.p right.q + right.p left.q = 0, right = (c.p q + p c.q, c.q q)
    const wanted = mul(sub(ZERO, mul(left[0], mul(c[1], q))), inverse(left[1]));
    const d: [K, K] = [mul(sub(wanted, mul(c[0], q)), inverse(c[1])), q];
    const right = above(c, d);
    // g(X) of the children at X between (a, b) and (c, d)
    const g = (x: K): K => {
      const [p, s] = above([at(a[0], c[0], x), at(a[1], c[1], x)], [at(b[0], d[0], x), at(b[1], d[1], x)]);
      return add(p, mul(lambda, s));
    };
    const two: K = [2, 0, 0, 0];
    const half = inverse(two);
    const [g0, g1, g2] = [g(ZERO), g(ONE), g(two)];
    const quadratic = mul(half, add(sub(g2, add(g1, g1)), g0));
    const linear = sub(sub(g1, g0), quadratic);
    return [
      [...left, ...right],
      [linear, quadratic],
      [at(a[0], c[0], r), at(a[1], c[1], r), at(b[0], d[0], r), at(b[1], d[1], r)],
    ];
  }

  const SOME: K = [17, 4, 9, 1];
  const challenges: K[][] = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => [0, 1, 2].map((k) => ((bits >> k) & 1 ? SOME : ZERO)));
  test.each(challenges.concat([[ONE, ONE, ONE]]))(
    'a tree at mu = %j, lambda = %j, r = %j is verified, nothing is thrown',
    (mu, lambda, r) => {
      const drawn: Record<string, K> = { mu, lambda, 'tree point': r };
      const reader = (messages: K[][]) => ({
        receiveElements: () => messages.shift()!,
        receive: () => messages.shift()!,
        challenge: (label: string) => drawn[label]!,
      });
      const fast = verifyTree(reader(honest(lambda, r)), 4);
      const reference = verifyTreeReference(reader(honest(lambda, r)) as unknown as ProofReader, 2);
      expect(reference).toEqual(fast);
      // leaf claims at (r, mu): bit 0 of a leaf's index is between the children, bit 1 is the round's variable
      const [p0, q0, p1, q1] = honest(lambda, r)[2] as [K, K, K, K];
      expect(fast).toEqual({ point: [mu, r], numerator: at(p0, p1, mu), denominator: at(q0, q1, mu) });
      // and what is wrong is refused as ever
      const wrong = honest(lambda, r);
      wrong[2]![0] = add(wrong[2]![0]!, ONE);
      expect(() => verifyTree(reader(wrong), 4)).toThrow(/lookup tree/);
    },
  );
});
