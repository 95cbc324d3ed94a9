import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { prepareProver } from '../wasm/prove.ts';
import { prepareReference, verifyChecked } from '../wasm/reference/verify.ts';
import { prepareVerifier } from '../wasm/verify.ts';
import { loadKernels } from './support/kernels.ts';
import { randomCircuit } from './support/random-circuits.ts';

const kernels = await loadKernels(2);
afterAll(kernels.end);

test('proofs of random circuits are accepted by both verifiers', () => {
  const context = new TextEncoder().encode('job 1');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
      const { circuit, weights, inputs } = randomCircuit(seed);
      const prover = prepareProver(kernels, circuit, weights);
      const { proof, outputs } = prover.prove(inputs, context);
      prover.dispose();
      const verifier = prepareVerifier(kernels, circuit, weights);
      if (!verifier.ok) throw new Error(verifier.detail);
      expect(verifier.verify({ inputs, outputs, context }, proof)).toEqual({ ok: true, weights: 'public' });
      verifier.dispose();
      const reference = prepareReference(circuit, weights);
      if (!reference.ok) throw new Error(reference.detail);
      expect(verifyChecked(reference.value, { inputs, outputs, context }, proof)).toEqual({ ok: true, weights: 'public' });
    }),
    { numRuns: 40, seed: 1 },
  );
});
