/** What every verifier of this project must have in common with the others. The suites beside this file take a list of them. */
import { expect } from 'vitest';
import type { Circuit, Weights } from '../../../circuits/graph/circuit.ts';
import { verifyRegistrationReference } from '../../../wasm/reference/registration.ts';
import { prepareReference, verifyChecked, type ReferenceStatement } from '../../../wasm/reference/verify.ts';
import { plainWitness } from '../../support/plain-prover/execution.ts';
import { plainProve, type PlainProof } from '../../support/plain-prover/prove.ts';
import type { Sample } from '../../support/circuits.ts';

export type TestedVerdict = { readonly ok: true } | { readonly ok: false; readonly check: string; readonly detail: string };

export interface TestedVerifier {
  readonly name: string;
  /** Checks the circuit, then the proof. Called many times with the same circuit object: what is derived from it may be kept. */
  verify(
    circuit: Circuit,
    weights: Weights | null,
    statement: ReferenceStatement,
    proof: Uint8Array,
  ): TestedVerdict | Promise<TestedVerdict>;
  verifyRegistration(circuit: Circuit, proof: Uint8Array): TestedVerdict | Promise<TestedVerdict>;
}

const prepared = new WeakMap<Circuit, Map<Weights | null, ReturnType<typeof prepareReference>>>();

export const referenceVerifier: TestedVerifier = {
  name: 'the reference verifier',
  verify(circuit, weights, statement, proof) {
    const ofCircuit = prepared.get(circuit) ?? new Map<Weights | null, ReturnType<typeof prepareReference>>();
    prepared.set(circuit, ofCircuit);
    const checked = ofCircuit.get(weights) ?? prepareReference(circuit, weights);
    ofCircuit.set(weights, checked);
    return checked.ok ? verifyChecked(checked.value, statement, proof) : checked;
  },
  verifyRegistration: verifyRegistrationReference,
};

export const CONTEXT = new TextEncoder().encode('job 1');

/** The weights that a verifier gets: none where they are committed. */
export function shownWeights(sample: Sample): Weights | null {
  return sample.circuit.weightRoot === null ? sample.weights : null;
}

const honest = new Map<string, PlainProof>();

/** The honest proof of a sample and its input. Kept by the sample's name: samples are the same every time. */
export function honestProof(sample: Sample): PlainProof {
  const made = honest.get(sample.name) ?? proofOf(sample, CONTEXT);
  honest.set(sample.name, made);
  return made;
}

export function proofOf({ circuit, weights, inputs }: Pick<Sample, 'circuit' | 'weights' | 'inputs'>, context: Uint8Array): PlainProof {
  return plainProve(circuit, weights, plainWitness(circuit, weights, inputs), context);
}

/** Expects every verifier to accept. */
export async function expectAccepted(
  verifiers: readonly TestedVerifier[],
  circuit: Circuit,
  weights: Weights | null,
  { statement, proof }: { statement: ReferenceStatement; proof: Uint8Array },
): Promise<void> {
  for (const { name, verify } of verifiers) expect(await verify(circuit, weights, statement, proof), name).toEqual({ ok: true });
}

/** Expects every verifier to refuse, with the name of a check. */
export async function expectRefused(
  verifiers: readonly TestedVerifier[],
  circuit: Circuit,
  weights: Weights | null,
  { statement, proof }: { statement: ReferenceStatement; proof: Uint8Array },
  what = '',
): Promise<void> {
  for (const { name, verify } of verifiers) {
    const verdict = await verify(circuit, weights, statement, proof);
    expect(verdict, `${name} ${what}`).toEqual({ ok: false, check: expect.stringMatching(/./), detail: expect.any(String) });
  }
}
