/** The built-in model's proof, changed anywhere, is refused by both verifiers; every word for the fast one, a sample for the slow one. */
import { expect, test } from 'vitest';
import { expectAccepted } from './proofs.ts';
import { circuit, expectWordRefused, inputs, messages, outputs, proof, random, statement, weights } from './proven-digit.ts';
import { fastVerifier, referenceVerifier, verifiers } from './verifiers.ts';

test('the proof of a digit is accepted by both', () => {
  expectAccepted(circuit, weights, { statement, proof });
});

/** Every word is tried; parts keep each test far within its time, however busy the machine is. */
const PARTS = 16;
const words = proof.length / 4;

test.each(Array.from({ length: PARTS }, (_, part) => part))(
  `a bit flipped in any word is refused by the fast verifier (part %i of ${PARTS})`,
  (part) => {
    for (let word = Math.floor((part * words) / PARTS); word < Math.floor(((part + 1) * words) / PARTS); word++)
      expectWordRefused(fastVerifier, word);
  },
);

test('a bit flipped in the first word of every label is refused by the reference verifier', () => {
  const labels = new Set(messages.map(({ label }) => label));
  for (const label of labels) expectWordRefused(referenceVerifier, messages.find((message) => message.label === label)!.offset / 4);
});

test.each([1, 2, 3, 4, 5])('a bit flipped in any of 500 words is refused by the reference verifier (hundred %i of 5)', () => {
  for (let n = 0; n < 100; n++) expectWordRefused(referenceVerifier, Math.floor(random() * words));
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
