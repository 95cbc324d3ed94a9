import { afterAll, describe, expect, it } from 'vitest';
import { prepareProver } from '../wasm/prove.ts';
import { prepareReference, verifyChecked } from '../wasm/reference/verify.ts';
import type { Kernels } from '../wasm/runtime/kernels.ts';
import { prepareVerifier } from '../wasm/verify.ts';
import { smallNets, wideNet, type Sample } from './support/circuits.ts';
import { kernelGrind } from './support/kernel-grind.ts';
import { loadKernels } from './support/kernels.ts';
import { plainWitness } from './support/plain-prover/execution.ts';
import { plainProve, type PlainProof } from './support/plain-prover/prove.ts';

const context = new TextEncoder().encode('job 1');

const plainProofs = new Map<string, PlainProof>();

/** The plain prover's proof; samples are the same every time. */
function plainProofOf({ name, circuit, weights, inputs }: Sample, kernels: Kernels): PlainProof {
  const made =
    plainProofs.get(name) ?? plainProve(circuit, weights, plainWitness(circuit, weights, inputs), context, { grind: kernelGrind(kernels) });
  plainProofs.set(name, made);
  return made;
}

describe.each([1, 2])('the prover on %d threads', async (threads) => {
  const kernels = await loadKernels(threads);
  afterAll(kernels.end);

  it.each([...smallNets(), wideNet()].map((sample) => [sample.name, sample] as const))(
    'gives the proof of the plain prover, byte for byte, for the %s, and both verifiers accept it',
    (_, sample) => {
      const { circuit, weights, inputs } = sample;
      const prover = prepareProver(kernels, circuit, weights);
      const { proof, outputs, messages } = prover.prove(inputs, context);
      const plain = plainProofOf(sample, kernels);
      expect(outputs).toEqual(plain.statement.outputs);
      const different = messages.find(({ offset, length }) =>
        proof.subarray(offset, offset + length).some((byte, k) => byte !== plain.proof[offset + k]),
      );
      expect(different, 'first message that differs').toBeUndefined();
      expect(messages).toEqual(plain.messages);
      expect(proof).toEqual(plain.proof);

      const shown = circuit.weightRoot ? null : weights;
      const verifier = prepareVerifier(kernels, circuit, shown);
      if (!verifier.ok) throw new Error(verifier.detail);
      const accepted = { ok: true, weights: circuit.weightRoot ? 'unregistered' : 'public' };
      expect(verifier.verify({ inputs, outputs, context }, proof)).toEqual(accepted);
      const reference = prepareReference(circuit, shown);
      if (!reference.ok) throw new Error(reference.detail);
      expect(verifyChecked(reference.value, { inputs, outputs, context }, proof)).toEqual(accepted);
    },
  );
});
