/**
 * The reference verifier: plain, slow, obvious. It shares with the fast one the circuit, its digest, the check of its structure, the
 * constants of `parameters.ts`, and nothing else; both must give the same verdict on every proof.
 */
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { convolutions, weightCount, type Circuit, type Weights } from '../../circuits/graph/circuit.ts';
import { LOOKUP_GRINDING_BITS, LOOKUP_GRINDING_LEAVES, MAX_PROOF_BYTES } from '../parameters.ts';
import { verifyBatches, type Batch } from './batching.ts';
import { acceptedCircuit } from './circuit-check.ts';
import { reduceToClaims } from './claims.ts';
import { deriveLayout, weightLayout, type Layout } from './layout.ts';
import { treeHeight, verifyTree, type LookupChallenges } from './lookup.ts';
import { verifyOpening } from './opening.ts';
import { checkRegistration } from './registration.ts';
import { attempt, Refused, refuseUnless, type Refusal, type Verdict, type WeightStanding } from './refused.ts';
import { absorbStatement, checkStatement, type ReferenceStatement } from './statement.ts';
import { hash, ProofReader, type Transcript } from './transcript.ts';

export type { ReferenceStatement } from './statement.ts';
export type { Verdict, WeightStanding } from './refused.ts';

/** A circuit that has been checked, with what is derived from it. */
export interface CheckedCircuit {
  readonly circuit: Circuit;
  /** null where weights are committed. */
  readonly weights: Weights | null;
  readonly digest: Uint8Array;
  readonly layout: Layout;
  readonly standing: WeightStanding;
}

/**
 * Checks a circuit and its weights (bounds, shapes, hashes of public weights) and derives its layout.
 *
 * @param weights the public weights, circuit order; null for a circuit with committed weights
 * @param registration the registration proof of committed weights, if there is one
 * @throws Refused
 */
export function checkReferenceCircuit(given: Circuit, weights: Weights | null, registration: Uint8Array | null = null): CheckedCircuit {
  const isCommitted = given.weightRoot !== null;
  if (isCommitted)
    weights = null; // nobody needs them; what the proof opens is bound by the root
  else refuseUnless(weights !== null, 'weights', 'the weights of this circuit are public: they are needed to verify');
  const circuit = acceptedCircuit(given, weights);
  const sites = convolutions(circuit);
  if (weights !== null) checkWeights(circuit, weights);
  else refuseUnless(sites.length > 0, 'circuit', 'committed weights without a convolution');
  const layout = deriveLayout(circuit);
  if (isCommitted) weightLayout(circuit);
  return { circuit, weights, digest: circuitDigest(circuit), layout, standing: standingOf(circuit, registration) };
}

function standingOf(circuit: Circuit, registration: Uint8Array | null): WeightStanding {
  if (registration === null) return circuit.weightRoot === null ? 'public' : 'unregistered';
  const result = attempt(() => {
    checkRegistration(circuit, registration);
  });
  if (!result.ok) throw new Refused('registration', `${result.check}: ${result.detail}`);
  return 'registered';
}

/** `checkReferenceCircuit` with the refusal as a value: for many proofs of one circuit. */
export function prepareReference(
  circuit: Circuit,
  weights: Weights | null,
  registration: Uint8Array | null = null,
): { readonly ok: true; readonly value: CheckedCircuit } | Refusal {
  return attempt(() => checkReferenceCircuit(circuit, weights, registration));
}

/** Every array of public weights has its length and hashes to what the circuit says. */
function checkWeights(circuit: Circuit, weights: Weights): void {
  const sites = convolutions(circuit);
  refuseUnless(weights.length === sites.length, 'weights', `${weights.length} weight arrays, expected ${sites.length}`);
  sites.forEach(({ layer, term }, k) => {
    const given = weights[k];
    refuseUnless(given instanceof Int8Array, 'weights', `weights of layer ${layer.name} are not an Int8Array`);
    const expected = weightCount(layer.shape[0], term);
    refuseUnless(given.length === expected, 'weights', `layer ${layer.name} has ${given.length} weights, expected ${expected}`);
    const binding = term.weights;
    refuseUnless(binding.kind === 'public', 'circuit', `layer ${layer.name} has committed weights without a root`);
    const digest = hash('weights', new Uint8Array(given.buffer, given.byteOffset, given.length));
    const isSame = binding.hash.length === 32 && digest.every((byte, i) => byte === binding.hash[i]);
    refuseUnless(isSame, 'weights', `weights of layer ${layer.name} do not have the hash that the circuit states`);
  });
}

/** alpha, gamma1, gamma2; very large circuits must work a little for them. `grind`: receive (verifier) or find (prover) a nonce. */
export function drawLookupChallenges(
  transcript: Transcript,
  layout: Layout,
  grind: (label: string, zeroBits: number) => void,
): LookupChallenges {
  if (layout.leaves.valid > LOOKUP_GRINDING_LEAVES) grind('lookup nonce', LOOKUP_GRINDING_BITS);
  const alpha = transcript.challenge('alpha');
  const gamma1 = transcript.challenge('gamma');
  return { alpha, gamma1, gamma2: transcript.challenge('gamma') };
}

/** Verifies a proof about a checked circuit. The verdict names the first check that fails; nothing is thrown, whatever the bytes. */
export function verifyChecked(checked: CheckedCircuit, statement: ReferenceStatement, proof: Uint8Array): Verdict {
  const result = attempt(() => {
    const { circuit, weights, digest, layout } = checked;
    refuseUnless(proof instanceof Uint8Array, 'proof length', 'the proof is not a Uint8Array');
    refuseUnless(proof.length <= MAX_PROOF_BYTES, 'proof length', `${proof.length} bytes, at most ${MAX_PROOF_BYTES}`);
    const known = checkStatement(circuit, layout, statement);

    const reader = new ProofReader(proof);
    absorbStatement(reader, circuit, digest, statement);
    const witnessRoot = reader.receiveDigests('witness root', 1)[0]!;
    const challenges = drawLookupChallenges(reader, layout, (label, zeroBits) => reader.grind(label, zeroBits));
    const leaves = verifyTree(reader, treeHeight(layout.leaves.length));
    const { onWitness, onWeights } = reduceToClaims(reader, known, weights, leaves, challenges);

    const batches: Batch[] = [{ root: witnessRoot, length: layout.witness.length, claims: onWitness }];
    if (circuit.weightRoot !== null) batches.push({ root: circuit.weightRoot, length: weightLayout(circuit).length, claims: onWeights });
    for (const opening of verifyBatches(reader, batches)) verifyOpening(reader, opening);
    reader.end();
  });
  return result.ok ? { ok: true, weights: checked.standing } : result;
}

/**
 * Verifies that a circuit with these weights, run on `statement.inputs`, gives `statement.outputs`.
 *
 * @param weights the public weights, or null where the circuit has committed ones. Committed weights are fixed by the circuit's root,
 *   but known to be in range only if a registration proof for it is given too.
 * @returns `{ ok: true, weights }`, where `weights` says how far they are known, or the name of the check that failed and what was found.
 *   Never throws on hostile values.
 */
export function verifyReference(
  circuit: Circuit,
  weights: Weights | null,
  statement: ReferenceStatement,
  proof: Uint8Array,
  registration: Uint8Array | null = null,
): Verdict {
  const prepared = prepareReference(circuit, weights, registration);
  return prepared.ok ? verifyChecked(prepared.value, statement, proof) : prepared;
}
