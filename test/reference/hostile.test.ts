/** Bytes that anybody may send: circuits and proofs with any damage are refused with a reason, and nothing is thrown. */
import { expect, test } from 'vitest';
import { decodeCircuit, encodeCircuit } from '../../circuits/graph/encoding.ts';
import type { Circuit } from '../../circuits/graph/circuit.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { committedNet, denseNet, elementwiseNet, featureNet } from '../support/circuits.ts';
import { damaged } from '../support/mutation.ts';
import { seededGenerator } from '../support/random.ts';
import { honestProof, shownWeights } from './proofs.ts';
import { fastVerifier, verifiers } from './verifiers.ts';

const CASES = 20_000;
/** Half a minute of computing, minutes where many tests share a processor. */
const timeout = 600_000;

/** The circuit that damaged bytes encode, or null where they are refused. */
function decoded(bytes: Uint8Array): Circuit | null {
  try {
    return decodeCircuit(bytes);
  } catch (error) {
    if (error instanceof CircuitRefusal) return null;
    throw error;
  }
}

/** One or two bits flipped: closer to a circuit than what `damaged` gives. */
function flipped(bytes: Uint8Array, random: () => number): Uint8Array {
  const out = bytes.slice();
  for (let n = 1 + Math.floor(2 * random()); n > 0; n--) out[Math.floor(random() * out.length)]! ^= 1 << Math.floor(8 * random());
  return out;
}

test(`${CASES} damaged circuits are refused, or decode to a circuit that verifiers refuse to take this proof for`, { timeout }, () => {
  const random = seededGenerator(61);
  const samples = [denseNet(), elementwiseNet(), committedNet(), featureNet()].map((sample) => ({
    bytes: encodeCircuit(sample.circuit),
    weights: shownWeights(sample),
    ...honestProof(sample),
  }));
  let taken = 0;
  for (let n = 0; n < CASES; n++) {
    const { bytes, weights, statement, proof } = samples[n % samples.length]!;
    const wrong = n % 3 === 0 ? damaged(bytes, random) : flipped(bytes, random);
    if (Buffer.from(bytes).equals(wrong)) continue;
    const circuit = decoded(wrong);
    if (circuit === null) continue;
    taken++;
    const verdict = fastVerifier.verify(circuit, weights, statement, proof);
    if (verdict.ok) expect.fail(`case ${n} is accepted`);
    if (taken % 50 === 0) for (const verifier of verifiers) expect(verifier.verify(circuit, weights, statement, proof).ok).toBe(false);
  }
  expect(taken).toBeGreaterThan(CASES / 20);
});

test(`${CASES} damaged proofs are refused`, { timeout }, () => {
  const random = seededGenerator(62);
  const samples = [elementwiseNet(), committedNet()];
  for (let n = 0; n < CASES; n++) {
    const sample = samples[n % samples.length]!;
    const { statement, proof } = honestProof(sample);
    const wrong = damaged(proof, random);
    if (Buffer.from(wrong).equals(proof)) continue;
    const of = n % 200 === 0 ? verifiers : [fastVerifier];
    for (const verifier of of) {
      if (verifier.verify(sample.circuit, shownWeights(sample), statement, wrong).ok)
        expect.fail(`case ${n} is accepted by ${verifier.name}`);
    }
  }
});

test('a bit flipped in any word of a proof is refused by the fast verifier', () => {
  const random = seededGenerator(63);
  const sample = elementwiseNet();
  const { statement, proof } = honestProof(sample);
  for (let word = 0; word < proof.length; word += 4) {
    const byte = word + Math.floor(4 * random());
    const wrong = proof.with(byte, proof[byte]! ^ (1 << Math.floor(8 * random())));
    if (fastVerifier.verify(sample.circuit, sample.weights, statement, wrong).ok) expect.fail(`byte ${byte}`);
  }
});
