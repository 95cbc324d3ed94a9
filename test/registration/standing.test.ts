import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareProver, proveRegistration } from '../../wasm/prove.ts';
import { prepareReference, verifyReference } from '../../wasm/reference/verify.ts';
import { prepareVerifier, WEIGHT_STANDINGS } from '../../wasm/verify.ts';
import { committedNet, denseNet } from '../support/circuits.ts';
import { loadKernels } from '../support/kernels.ts';

let kernels: Awaited<ReturnType<typeof loadKernels>>;
beforeAll(async () => {
  kernels = await loadKernels();
});
afterAll(() => kernels.end());

const context = new TextEncoder().encode('job 3');

/** What both verifiers say of an honest proof. */
function verdictsOf({ circuit, weights, inputs }: ReturnType<typeof denseNet>, registration: Uint8Array | null) {
  const mark = kernels.arena.mark();
  const { proof, outputs } = prepareProver(kernels, circuit, weights).prove(inputs, context);
  const shown = circuit.weightRoot ? null : weights;
  const verifier = prepareVerifier(kernels, circuit, shown, registration);
  const statement = { inputs, outputs, context };
  const fast = verifier.ok ? verifier.verify(statement, proof) : verifier;
  if (verifier.ok) expect(fast).toMatchObject({ weights: verifier.weights });
  kernels.arena.release(mark);
  return [fast, verifyReference(circuit, shown, statement, proof, registration)];
}

describe('the verdict on a proof', () => {
  it('says that weights are public', () => {
    const accepted = { ok: true, weights: 'public' };
    expect(verdictsOf(denseNet(), null)).toEqual([accepted, accepted]);
  });

  it('says that committed weights are not range-checked where there is no registration proof', () => {
    const accepted = { ok: true, weights: 'unregistered' };
    expect(verdictsOf(committedNet(), null)).toEqual([accepted, accepted]);
    expect(WEIGHT_STANDINGS.unregistered).toBe('weights: fixed but not range-checked');
  });

  it('says that committed weights are registered where there is one', () => {
    const { circuit, weights } = committedNet();
    const accepted = { ok: true, weights: 'registered' };
    expect(verdictsOf(committedNet(), proveRegistration(kernels, circuit, weights).proof)).toEqual([accepted, accepted]);
  });
});

describe('a circuit is refused', () => {
  it('with a registration proof that does not hold, or where there is nothing to register', () => {
    const { circuit, weights } = committedNet();
    const { proof } = proveRegistration(kernels, circuit, weights);
    const dense = denseNet();
    const mark = kernels.arena.mark();
    for (const verdict of [
      prepareVerifier(kernels, circuit, null, proof.with(40, proof[40]! ^ 1)),
      prepareReference(circuit, null, proof.with(40, proof[40]! ^ 1)),
      prepareVerifier(kernels, circuit, null, new Uint8Array()),
      prepareReference(circuit, null, new Uint8Array()),
      prepareVerifier(kernels, dense.circuit, dense.weights, proof),
      prepareReference(dense.circuit, dense.weights, proof),
    ]) {
      expect(verdict).toMatchObject({ ok: false, check: 'registration' });
    }
    expect(kernels.arena.mark()).toBe(mark);
  });
});

it('is not proven with other weights than those that it commits to', () => {
  const { circuit, weights } = committedNet();
  const mark = kernels.arena.mark();
  const others = weights.map((own, k) => (k === 1 ? own.with(5, own[5]! ^ 1) : own));
  expect(() => prepareProver(kernels, circuit, others)).toThrow('these are not the weights that the circuit commits to');
  expect(kernels.arena.mark()).toBe(mark);
});
