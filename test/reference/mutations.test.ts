/** Proofs and statements with something changed, missing or added. Every verifier must refuse them, and throw nothing. */
import { expect, test } from 'vitest';
import { decodeCircuit, encodeCircuit } from '../../circuits/graph/encoding.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { P } from '../../wasm/parameters.ts';
import type { ReferenceStatement } from '../../wasm/reference/verify.ts';
import { committedNet, denseNet, elementwiseNet, featureNet } from '../support/circuits.ts';
import type { Message } from '../support/plain-prover/writer.ts';
import { seededGenerator } from '../support/random.ts';
import { expectAccepted, expectRefused, honestProof, shownWeights } from './proofs.ts';
import { fastVerifier } from './verifiers.ts';

/** The proof with one bit flipped. */
function flipped(proof: Uint8Array, byte: number, bit: number): Uint8Array {
  return proof.with(byte, proof[byte]! ^ (1 << bit));
}

/** Byte offsets to be mutated: the first and a later word of the first and of a later message of each label, then some at random. */
function mutationOffsets(messages: readonly Message[], proofLength: number, sampled: number, random: () => number): number[] {
  const offsets = [...new Set(messages.map(({ label }) => label))].flatMap((label) => {
    const places = messages.filter((message) => message.label === label && message.length > 0);
    if (places.length === 0) return [];
    const other = places[Math.floor(random() * places.length)]!;
    return [places[0]!.offset, other.offset + Math.floor(random() * other.length)];
  });
  for (let n = 0; n < sampled; n++) offsets.push(Math.floor(random() * proofLength));
  return offsets;
}

for (const sample of [denseNet(), featureNet(), elementwiseNet(), committedNet()]) {
  test(`a proof of the ${sample.name} with a bit flipped in a message of each label, or in a sampled byte, is refused`, () => {
    const { statement, proof, messages } = honestProof(sample);
    const random = seededGenerator(11);
    for (const offset of mutationOffsets(messages, proof.length, 25, random)) {
      const mutated = flipped(proof, offset, Math.floor(random() * 8));
      expectRefused(sample.circuit, shownWeights(sample), { statement, proof: mutated }, `byte ${offset}`);
    }
  });
}

const sample = denseNet();
const refuses = (statement: unknown, proof: unknown, what = ''): void => {
  const given = { statement: statement as ReferenceStatement, proof: proof as Uint8Array };
  expectRefused(sample.circuit, sample.weights, given, what);
};

test('a proof that is cut off at any message, or by one byte, or is longer, is refused', () => {
  const { statement, proof, messages } = honestProof(sample);
  for (const { offset } of messages.filter((_, n) => n % 5 === 0)) refuses(statement, proof.subarray(0, offset));
  refuses(statement, proof.subarray(0, -1));
  refuses(statement, Uint8Array.of(...proof, 0));
  refuses(statement, Uint8Array.of(0, ...proof));
  refuses(statement, new Uint8Array());
  refuses(statement, new Uint8Array(proof.length));
  refuses(statement, new Uint8Array(proof.length).fill(255));
  refuses(statement, new Uint8Array(2 ** 20 + 1));
});

test('a word that is not below p is refused, though it stands for the right element', () => {
  const { statement, proof, messages } = honestProof(sample);
  const ofBytes = ['witness root', 'opening nonce', 'opening siblings'];
  const labels = [...new Set(messages.map(({ label }) => label))].filter((label) => !ofBytes.includes(label));
  for (const wanted of labels) {
    const { offset } = messages.find(({ label }) => label === wanted)!;
    const mutated = proof.slice();
    const view = new DataView(mutated.buffer);
    view.setUint32(offset, view.getUint32(offset, true) + P, true);
    refuses(statement, mutated, wanted);
  }
});

test('a multiproof with a sibling more or less is refused', () => {
  const { statement, proof, messages } = honestProof(sample);
  const siblings = messages.find(({ label }) => label === 'opening siblings')!;
  const end = siblings.offset + siblings.length;
  refuses(statement, Uint8Array.of(...proof.subarray(0, end - 32), ...proof.subarray(end)));
  refuses(statement, Uint8Array.of(...proof.subarray(0, end), ...new Uint8Array(32), ...proof.subarray(end)));
});

test('values of the wrong type, length or range are refused, and nothing is thrown', () => {
  const { statement, proof } = honestProof(sample);
  const logits = statement.outputs[0] as Int32Array;
  const input = statement.inputs[0]!;
  const hostile: unknown[] = [
    { ...statement, inputs: [] },
    { ...statement, inputs: [input, input] },
    { ...statement, inputs: [input.subarray(1)] },
    { ...statement, inputs: [Uint8Array.of(...input, 0)] },
    { ...statement, inputs: [Array.from(input)] },
    { ...statement, inputs: [Float64Array.from(input)] },
    { ...statement, inputs: undefined },
    { ...statement, outputs: [] },
    { ...statement, outputs: [logits, logits] },
    { ...statement, outputs: [logits.subarray(1)] },
    { ...statement, outputs: [Array.from(logits)] },
    { ...statement, outputs: [new Uint8Array(logits.buffer)] },
    { ...statement, outputs: [BigInt64Array.from(logits, BigInt)] },
    { ...statement, outputs: [logits.with(0, 2 ** 30)] },
    { ...statement, outputs: [logits.with(2, -(2 ** 30))] },
    { ...statement, context: 'job 1' },
    { ...statement, context: undefined },
    {},
    null,
  ];
  for (const [n, wrong] of hostile.entries()) refuses(wrong, proof, `statement ${n}`);
  const notProofs = [null, undefined, 'proof', Array.from(proof), new Uint32Array(proof.buffer, 0, 4), {}];
  for (const [n, wrong] of notProofs.entries()) refuses(statement, wrong, `proof ${n}`);
});

test('a proof that is a view into a larger buffer is read from its own first byte', () => {
  const { statement, proof } = honestProof(sample);
  const larger = new Uint8Array(proof.length + 7);
  larger.set(proof, 5);
  for (const view of [larger.subarray(5, 5 + proof.length), Buffer.from(proof)]) {
    expectAccepted(sample.circuit, sample.weights, { statement, proof: view });
  }
});

test('an honest proof is refused for every circuit that differs in one bit: bias, shift, table row, multiplier, label, hash, meaning, ..', () => {
  const { statement, proof } = honestProof(sample);
  const encoded = encodeCircuit(sample.circuit);
  const tables = sample.circuit.tables.reduce((n, { values }) => n + values.length, 0);
  const random = seededGenerator(12);
  let decoded = 0;
  for (let byte = 0; byte < encoded.length; byte++) {
    // of the long table a sample, of everything else every byte
    if (byte > 60 && byte < 20 + tables && random() > 0.01) continue;
    let circuit;
    try {
      circuit = decodeCircuit(flipped(encoded, byte, Math.floor(random() * 8)));
    } catch (error) {
      if (!(error instanceof CircuitRefusal)) throw error;
      continue;
    }
    decoded++;
    expectRefused(circuit, sample.weights, { statement, proof }, `circuit byte ${byte}`);
  }
  expect(decoded).toBeGreaterThan(encoded.length / 50);
});

test('an honest proof is refused by the fast verifier for a circuit that differs in any byte at all', () => {
  const { circuit: own, weights } = elementwiseNet();
  const { statement, proof } = honestProof(elementwiseNet());
  const encoded = encodeCircuit(own);
  for (let byte = 0; byte < encoded.length; byte++) {
    let circuit;
    try {
      circuit = decodeCircuit(flipped(encoded, byte, byte % 8));
    } catch (error) {
      if (!(error instanceof CircuitRefusal)) throw error;
      continue;
    }
    if (fastVerifier.verify(circuit, weights, statement, proof).ok) expect.fail(`circuit byte ${byte}`);
  }
});

test('an honest proof beside public weights of which any single one was changed is refused', () => {
  const { statement, proof } = honestProof(sample);
  sample.weights.forEach((values, k) => {
    values.forEach((_, n) => {
      const changed = sample.weights.map((own, m) => (m === k ? own.with(n, own[n]! ^ 1) : own));
      expectRefused(sample.circuit, changed, { statement, proof }, `weight ${n} of convolution ${k}`);
    });
  });
});

test('an honest proof beside a statement in which any single input or output value was changed is refused', () => {
  const { statement, proof } = honestProof(sample);
  for (const side of ['inputs', 'outputs'] as const) {
    statement[side][0]!.forEach((_, n) => {
      const changed = statement[side].map((values) => values.with(n, values[n]! ^ 1));
      expectRefused(sample.circuit, sample.weights, { statement: { ...statement, [side]: changed }, proof }, `${side} ${n}`);
    });
  }
});
