/** The verifiers under test. Whatever a test of this folder expects, it expects of each of them. */
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { verifyRegistrationReference } from '../../wasm/reference/registration.ts';
import { prepareReference, verifyChecked, type ReferenceStatement } from '../../wasm/reference/verify.ts';
import { prepareVerifier, verifyRegistration } from '../../wasm/verify.ts';
import { loadKernels } from '../support/kernels.ts';

export type TestedVerdict = { readonly ok: true } | { readonly ok: false; readonly check: string; readonly detail: string };

export interface TestedVerifier {
  readonly name: string;
  /** Checks the circuit, then the proof. Called many times with the same circuit object: what is derived from it may be kept. */
  verify(circuit: Circuit, weights: Weights | null, statement: ReferenceStatement, proof: Uint8Array): TestedVerdict;
}

/** Checks a proof that committed weights are in range and have the sums of squares that the circuit states. */
export interface TestedRegistrationVerifier {
  readonly name: string;
  verify(circuit: Circuit, proof: Uint8Array): TestedVerdict;
}

/** Keeps what is made of a circuit and its weights. */
function remembered<T>(make: (circuit: Circuit, weights: Weights | null) => T): typeof make {
  const known = new WeakMap<Circuit, Map<Weights | null, T>>();
  return (circuit, weights) => {
    const ofCircuit = known.get(circuit) ?? new Map<Weights | null, T>();
    known.set(circuit, ofCircuit);
    const made = ofCircuit.get(weights) ?? make(circuit, weights);
    ofCircuit.set(weights, made);
    return made;
  };
}

const checkedReference = remembered(prepareReference);

export const referenceVerifier: TestedVerifier = {
  name: 'the reference verifier',
  verify(circuit, weights, statement, proof) {
    const checked = checkedReference(circuit, weights);
    return checked.ok ? verifyChecked(checked.value, statement, proof) : checked;
  },
};

/** The kernels that the fast verifier runs on; tests may use them between its calls. */
export const kernels = await loadKernels();
const preparedFast = remembered((circuit, weights) => prepareVerifier(kernels, circuit, weights));

export const fastVerifier: TestedVerifier = {
  name: 'the fast verifier',
  verify(circuit, weights, statement, proof) {
    const prepared = preparedFast(circuit, weights);
    return prepared.ok ? prepared.verify(statement, proof) : prepared;
  },
};

export const verifiers: readonly TestedVerifier[] = [referenceVerifier, fastVerifier];

export const registrationVerifiers: readonly TestedRegistrationVerifier[] = [
  { name: 'the reference verifier', verify: verifyRegistrationReference },
  { name: 'the fast verifier', verify: (circuit, proof) => verifyRegistration(kernels, circuit, proof) },
];
