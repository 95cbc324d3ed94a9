import { afterAll, describe, expect, it } from 'vitest';
import { runForward } from '../wasm/forward/forward.ts';
import { argue, prepareCircuit, prepareProver } from '../wasm/prove.ts';
import { deriveLayout } from '../wasm/reference/layout.ts';
import { prepareReference, verifyChecked } from '../wasm/reference/verify.ts';
import type { Kernels } from '../wasm/runtime/kernels.ts';
import { prepareVerifier } from '../wasm/verify.ts';
import { featureNet, smallNets, wideNet, type Sample } from './support/circuits.ts';
import { kernelGrind } from './support/kernel-grind.ts';
import { loadKernels } from './support/kernels.ts';
import { plainWitness } from './support/plain-prover/execution.ts';
import { validIndices } from './support/plain-prover/leaves.ts';
import { plainProve, type PlainProof } from './support/plain-prover/prove.ts';
import { seededGenerator, seededWord } from './support/random.ts';

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

  it('may fill every entry of the witness that is no value with junk: the outputs stay, and both verifiers accept', () => {
    const { circuit, weights, inputs } = featureNet();
    const mark = kernels.arena.mark();
    const prepared = prepareCircuit(kernels, circuit, weights);
    const forward = runForward(kernels, prepared.layout, prepared.weights, inputs);
    const honest = argue(prepared, inputs, forward, context);
    const layout = deriveLayout(circuit);
    const { activations, limbs, multiplicities } = layout.witness;
    const valid = new Set([...activations.values(), ...[...limbs.values()].flat(), ...multiplicities].flatMap(validIndices));
    const random = seededGenerator(9);
    let filled = 0;
    for (let k = 0; k < prepared.layout.witnessLength; k++) {
      if (valid.has(k)) continue;
      kernels.words[(forward.witness >>> 2) + k] = seededWord(random);
      filled += 1;
    }
    expect(filled).toBeGreaterThan(100);
    const { proof, outputs } = argue(prepared, inputs, forward, context);
    kernels.arena.release(mark);
    expect(outputs).toEqual(honest.outputs);
    expect(proof).not.toEqual(honest.proof);
    const verifier = prepareVerifier(kernels, circuit, weights);
    if (!verifier.ok) throw new Error(verifier.detail);
    expect(verifier.verify({ inputs, outputs, context }, proof)).toMatchObject({ ok: true });
    verifier.dispose();
    const reference = prepareReference(circuit, weights);
    if (!reference.ok) throw new Error(reference.detail);
    expect(verifyChecked(reference.value, { inputs, outputs, context }, proof)).toMatchObject({ ok: true });
  });
});
