/** Proofs by the plain prover, and what all verifiers are expected to say of them. */
import { expect } from 'vitest';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import type { Sample } from '../support/circuits.ts';
import { kernelGrind } from '../support/kernel-grind.ts';
import { plainWitness, type Witness } from '../support/plain-prover/execution.ts';
import { plainProve, type PlainOptions, type PlainProof } from '../support/plain-prover/prove.ts';
import { kernels, verifiers } from './verifiers.ts';

/** Grinding takes the plain prover longer than all the rest: the kernels do it. */
export const grind = kernelGrind(kernels);

export const CONTEXT = new TextEncoder().encode('job 1');

/** A statement and a proof, as they come from anybody. */
export type Shown = Pick<PlainProof, 'statement' | 'proof'>;

/** The weights that a verifier gets: none where they are committed. */
export function shownWeights({ circuit, weights }: Pick<Sample, 'circuit' | 'weights'>): Weights | null {
  return circuit.weightRoot === null ? weights : null;
}

/** The plain prover's proof of a witness, honest or not. */
export function prove(circuit: Circuit, weights: Weights, witness: Witness, options: PlainOptions = {}, context = CONTEXT): PlainProof {
  return plainProve(circuit, weights, witness, context, { grind, ...options });
}

/** The honest proof of an input. */
export function proofOf({ circuit, weights, inputs }: Pick<Sample, 'circuit' | 'weights' | 'inputs'>, context = CONTEXT): PlainProof {
  return prove(circuit, weights, plainWitness(circuit, weights, inputs), {}, context);
}

const honest = new Map<string, PlainProof>();

/** The honest proof of a sample and its input. Kept by the sample's name: samples are the same every time. */
export function honestProof(sample: Sample): PlainProof {
  const made = honest.get(sample.name) ?? proofOf(sample);
  honest.set(sample.name, made);
  return made;
}

/** Expects every verifier to accept. */
export function expectAccepted(circuit: Circuit, weights: Weights | null, { statement, proof }: Shown): void {
  for (const verifier of verifiers) expect(verifier.verify(circuit, weights, statement, proof), verifier.name).toMatchObject({ ok: true });
}

/** Expects every verifier to refuse, with the name of a check. `what`: said where one does not. */
export function expectRefused(circuit: Circuit, weights: Weights | null, { statement, proof }: Shown, what = ''): void {
  const refusal = { ok: false, check: expect.stringMatching(/./), detail: expect.any(String) };
  for (const verifier of verifiers) {
    expect(verifier.verify(circuit, weights, statement, proof), `${verifier.name} ${what}`).toEqual(refusal);
  }
}
