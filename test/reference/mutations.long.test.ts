/** Every word of a proof, for every verifier: minutes. */
import { test } from 'vitest';
import { smallestNet, denseNet } from '../support/circuits.ts';
import { seededGenerator } from '../support/random.ts';
import { expectRefused, honestProof, shownWeights } from './proofs.ts';
import { expectWordRefused, proof as digitProof } from './proven-digit.ts';
import { referenceVerifier } from './verifiers.ts';

for (const sample of [smallestNet(), denseNet()]) {
  test(`a proof of the ${sample.name} with a bit flipped in any word is refused`, () => {
    const { statement, proof } = honestProof(sample);
    const random = seededGenerator(13);
    for (let word = 0; word < proof.length; word += 4) {
      const byte = word + Math.floor(random() * 4);
      const mutated = proof.with(byte, proof[byte]! ^ (1 << Math.floor(random() * 8)));
      expectRefused(sample.circuit, shownWeights(sample), { statement, proof: mutated }, `byte ${byte}`);
    }
  });
}

// Some eleven minutes of one core, an hour where many share it.
test('the proof of a digit with a bit flipped in any word is refused by the reference verifier', { timeout: 7_200_000 }, () => {
  for (let word = 0; word < digitProof.length / 4; word++) expectWordRefused(referenceVerifier, word);
});
