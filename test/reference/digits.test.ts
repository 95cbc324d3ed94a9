/** The built-in model's proof, changed anywhere, is refused by both verifiers; every word for the fast one, a sample for the slow one. */
import { expect, test } from 'vitest';
import { expectAccepted } from './proofs.ts';
import { circuit, expectWordRefused, inputs, messages, outputs, proof, random, statement, weights } from './proven-digit.ts';
import { fastVerifier, referenceVerifier, verifiers } from './verifiers.ts';

test('the proof of a digit is accepted by both', () => {
  expectAccepted(circuit, weights, { statement, proof });
});

test('a bit flipped in any word is refused by the fast verifier', () => {
  for (let word = 0; word < proof.length / 4; word++) expectWordRefused(fastVerifier, word);
});

test('a bit flipped in the first word of every label, or in one of 500 words, is refused by the reference verifier', () => {
  const labels = new Set(messages.map(({ label }) => label));
  for (const label of labels) expectWordRefused(referenceVerifier, messages.find((message) => message.label === label)!.offset / 4);
  for (let n = 0; n < 500; n++) expectWordRefused(referenceVerifier, Math.floor((random() * proof.length) / 4));
});

test('another pixel, logit or context is refused by both', () => {
  const others = [
    { ...statement, inputs: [inputs[0]!.with(300, inputs[0]![300]! ^ 1)] },
    { ...statement, outputs: [outputs[0]!.with(3, outputs[0]![3]! + 1)] },
    { ...statement, context: new Uint8Array() },
  ];
  for (const other of others) {
    for (const verifier of verifiers) expect(verifier.verify(circuit, weights, other, proof).ok).toBe(false);
  }
});
