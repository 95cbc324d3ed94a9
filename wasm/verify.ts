/**
 * Front door of the verifier. `prepareVerifier` accepts a circuit once (it comes from strangers: everything about it is recomputed), `verify` then checks proofs. Neither throws on
 * hostile bytes: a refusal is a value that names the check.
 */
import { acceptCircuit } from '../circuits/bounds/accept.ts';
import { circuitDigest } from '../circuits/graph/encoding.ts';
import { convolutions, type Circuit, type Weights } from '../circuits/graph/circuit.ts';
import { CircuitRefusal } from '../circuits/graph/refusal.ts';
import { verifyBatches } from './claims/batching.ts';
import { verifyReduction } from './claims/reduce.ts';
import { openVerify } from './commitment/commitment.ts';
import { placeWeights } from './linear/convolution.ts';
import { verifyTree } from './lookup/tree.ts';
import { MAX_PROOF_BYTES, openingLevels } from './parameters.ts';
import { registrationLayout } from './registration/statement.ts';
import { checkRegistration } from './registration/verify.ts';
import type { Kernels } from './runtime/kernels.ts';
import { keepSince } from './runtime/preparation.ts';
import { layoutOf } from './statement/layout.ts';
import { Refused } from './statement/refused.ts';
import { absorbStatement, checkStatement, lookupChallenges, placeStatement, type Statement } from './statement/statement.ts';
import { VerifierTranscript } from './transcript/transcript.ts';

export { verifyRegistrationReference } from './reference/registration.ts';
export { verifyReference } from './reference/verify.ts';
export { verifyRegistration } from './registration/verify.ts';
export { sliceContext, verifySlices, type ChainStep, type ChainVerdict, type ClaimedSlice, type SliceVerifier } from './slices.ts';
export { registrationSecurity, securityMarkdown, securityTable, totalBits, type SecurityRow } from './security/security.ts';

/** A refusal: which check failed, and what was wrong. */
export interface Refusal {
  readonly ok: false;
  readonly check: string;
  readonly detail: string;
}

/**
 * What is known of the weights of a circuit: they are public; or committed, and a registration proof has shown that they are in range and have the sums of squares that the circuit's bounds rest
 * on; or committed without that: then they are fixed, but whoever made the circuit may have chosen them so that proofs of wrong outputs exist.
 */
export type WeightStanding = 'public' | 'registered' | 'unregistered';

/** How to say so to people: to be shown beside a verdict. */
export const WEIGHT_STANDINGS: Readonly<Record<WeightStanding, string>> = {
  public: 'weights: public',
  registered: 'weights: committed and range-checked',
  unregistered: 'weights: fixed but not range-checked',
};

export type Verdict = { readonly ok: true; readonly weights: WeightStanding } | Refusal;

export interface Verifier {
  readonly ok: true;
  readonly digest: Uint8Array;
  readonly weights: WeightStanding;
  verify(statement: Statement, proof: Uint8Array): Verdict;
  /** Frees what preparation took; whatever is prepared on the same kernels is freed in the reverse order. Throws where it is not its turn. `verify` throws from then on. */
  dispose(): void;
}

/** Throws `Refused` where a registration proof does not hold. */
function standingOf(kernels: Kernels, circuit: Circuit, registration: Uint8Array | null): WeightStanding {
  if (registration === null) return circuit.weightRoot ? 'unregistered' : 'public';
  const mark = kernels.arena.mark();
  try {
    checkRegistration(kernels, registrationLayout(circuit), registration);
    return 'registered';
  } catch (error) {
    if (error instanceof Refused) throw new Refused('registration', `${error.check}: ${error.detail}`);
    throw error;
  } finally {
    kernels.arena.release(mark);
  }
}

/**
 * Checks a circuit with its public weights (null where they are committed) and prepares to verify proofs of it. A circuit that breaks a rule is refused by name of layer and rule.
 *
 * @param given not kept: changing it later changes nothing
 * @param registration the registration proof of committed weights, if there is one: without it every verdict says that they are not range-checked
 */
export function prepareVerifier(
  kernels: Kernels,
  given: Circuit,
  weights: Weights | null,
  registration: Uint8Array | null = null,
): Verifier | Refusal {
  const mark = kernels.arena.mark();
  try {
    const known = given.weightRoot ? null : weights;
    const circuit = acceptCircuit(given, known);
    const standing = standingOf(kernels, circuit, registration);
    const layout = layoutOf(circuit);
    const levels = openingLevels(layout.witnessLength)!;
    const weightLevels = circuit.weightRoot ? openingLevels(layout.weightLength)! : null;
    const sites = convolutions(circuit);
    const rows = (known ?? []).map((w, k) => placeWeights(kernels, w, sites[k]!.layer.shape[0]));
    const digest = circuitDigest(circuit);
    const check = (statement: Statement, proof: Uint8Array): void => {
      checkStatement(circuit, statement);
      if (!(proof instanceof Uint8Array)) throw new Refused('proof', 'expected bytes');
      if (proof.length > MAX_PROOF_BYTES)
        throw new Refused('proof', `a proof has at most ${MAX_PROOF_BYTES} bytes, this one ${proof.length}`);
      const transcript = new VerifierTranscript(kernels, proof);
      absorbStatement(transcript, circuit, digest, statement);
      const root = transcript.receiveBytes('witness root', 32);
      const challenges = lookupChallenges(transcript, layout);
      const end = verifyTree(transcript, layout.leafLength);
      const scene = placeStatement(kernels, layout, statement);
      const batches = verifyReduction(scene, transcript, end, challenges, rows);
      const opened = verifyBatches(kernels, transcript, batches);
      openVerify(kernels, transcript, root, layout.witnessLength, levels, opened[0]!.point, opened[0]!.value);
      if (weightLevels)
        openVerify(kernels, transcript, circuit.weightRoot!, layout.weightLength, weightLevels, opened[1]!.point, opened[1]!.value);
      transcript.end();
    };
    const preparation = keepSince(kernels, mark, 'verifier');
    return {
      ok: true,
      digest,
      weights: standing,
      verify(statement, proof) {
        preparation.check();
        const before = kernels.arena.mark();
        try {
          check(statement, proof);
          return { ok: true, weights: standing };
        } catch (error) {
          if (error instanceof Refused) return { ok: false, check: error.check, detail: error.detail };
          throw error;
        } finally {
          kernels.arena.release(before);
        }
      },
      dispose: () => preparation.release(),
    };
  } catch (error) {
    kernels.arena.release(mark);
    if (error instanceof CircuitRefusal) return { ok: false, check: 'circuit', detail: error.message };
    if (error instanceof Refused) return { ok: false, check: error.check, detail: error.detail };
    throw error;
  }
}
