/** Verifies registration proofs of committed weights. Source: ../README.md, section 10. */
import { acceptCircuit } from '../../circuits/bounds/accept.ts';
import type { Circuit } from '../../circuits/graph/circuit.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { verifyBatches, type Batch } from '../claims/batching.ts';
import { openVerify } from '../commitment/commitment.ts';
import { add, equal, mul, ONE, sub, type K } from '../field/qm31.ts';
import { verifyTree } from '../lookup/tree.ts';
import { MAX_PROOF_BYTES, openingLevels } from '../parameters.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { vectorVariables } from '../statement/layout.ts';
import { Refused } from '../statement/refused.ts';
import { VerifierTranscript } from '../transcript/transcript.ts';
import type { Refusal } from '../verify.ts';
import {
  absorbRegistration,
  registrationAlpha,
  registrationClaims,
  registrationLayout,
  squareFactors,
  squareFunctionalAt,
  squareTotal,
  WEIGHT_ROWS,
  type RegistrationLayout,
} from './statement.ts';
import { weightLevels } from './weights.ts';

/**
 * Verifies that the weights which a circuit commits to lie in -128 .. 127 and have the sums of squares that its bounds are computed from. The circuit is checked too. Never throws on hostile
 * bytes: a refusal names the check.
 */
export function verifyRegistration(kernels: Kernels, circuit: Circuit, proof: Uint8Array): { readonly ok: true } | Refusal {
  const mark = kernels.arena.mark();
  try {
    checkRegistration(kernels, registrationLayout(acceptCircuit(circuit, null)), proof);
    return { ok: true };
  } catch (error) {
    if (error instanceof CircuitRefusal) return { ok: false, check: 'circuit', detail: error.message };
    if (error instanceof Refused) return { ok: false, check: error.check, detail: error.detail };
    throw error;
  } finally {
    kernels.arena.release(mark);
  }
}

/** The sumcheck of e W W, from sum eta^c S_c down to a claim on W at one point. */
function verifySquares(kernels: Kernels, transcript: VerifierTranscript, registration: RegistrationLayout): { sigma: K[]; value: K } {
  const factors = squareFactors(registration, transcript.challenge('eta'));
  let claim = squareTotal(registration, factors);
  const sigma: K[] = [];
  while (sigma.length < registration.variables) {
    const [a, c, d] = transcript.receiveElements('square round', 3) as [K, K, K];
    const r = transcript.challenge('square point');
    sigma.push(r);
    const b = sub(sub(sub(claim, add(a, a)), c), d);
    claim = add(a, mul(r, add(b, mul(r, add(c, mul(r, d))))));
  }
  const value = transcript.receiveElements('square value', 1)[0]!;
  const expected = mul(squareFunctionalAt(kernels, registration, factors, sigma), mul(value, value));
  if (!equal(expected, claim)) throw new Refused('squares', 'the sums of squares are not those of the committed weights');
  return { sigma, value };
}

/** Throws `Refused` unless the proof holds for a circuit that `checkCircuit` has accepted. Leaves the arena to the caller. */
export function checkRegistration(kernels: Kernels, registration: RegistrationLayout, proof: Uint8Array): void {
  if (!(proof instanceof Uint8Array)) throw new Refused('proof', 'expected bytes');
  if (proof.length > MAX_PROOF_BYTES) throw new Refused('proof', `a proof has at most ${MAX_PROOF_BYTES} bytes, this one ${proof.length}`);
  const { layout, root, leafLength, variables } = registration;
  const transcript = new VerifierTranscript(kernels, proof);
  absorbRegistration(transcript, registration);
  const countsRoot = transcript.receiveBytes('counts root', 32);
  const alpha = registrationAlpha(transcript, registration);
  const leaves = verifyTree(transcript, leafLength);
  const { sigma, value } = verifySquares(kernels, transcript, registration);
  const { keys, multiplicities } = registrationClaims(kernels, registration, leaves, alpha);
  const rows = WEIGHT_ROWS.length;
  const batches: Batch[] = [
    { variables, claims: [keys, { forms: [{ kind: 'point', factor: ONE, point: sigma }], value }] },
    { variables: vectorVariables(rows), claims: [multiplicities] },
  ];
  const [ofWeights, ofCounts] = verifyBatches(kernels, transcript, batches);
  openVerify(kernels, transcript, root, layout.weightLength, weightLevels(layout), ofWeights!.point, ofWeights!.value);
  openVerify(kernels, transcript, countsRoot, rows, openingLevels(rows)!, ofCounts!.point, ofCounts!.value);
  transcript.end();
}
