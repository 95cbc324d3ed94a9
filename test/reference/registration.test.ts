/** Registration proofs of committed weights: what must be accepted, and cheats that must be refused. */
import { expect, test } from 'vitest';
import type { Circuit } from '../../circuits/graph/circuit.ts';
import { P } from '../../wasm/parameters.ts';
import { fromInteger } from '../../wasm/reference/field.ts';
import { committedNet, denseNet } from '../support/circuits.ts';
import { commitVector } from '../support/plain-prover/commitment.ts';
import { weightVector, type PlainOptions } from '../support/plain-prover/prove.ts';
import { plainRegister } from '../support/plain-prover/register.ts';
import { seededGenerator } from '../support/random.ts';
import { grind } from './proofs.ts';
import { registrationVerifiers } from './verifiers.ts';

const { circuit: fitted, weights } = committedNet();
/** With room in the table for larger weights than those that it was fitted to. */
const circuit: Circuit = { ...fitted, tables: [{ first: -10_000, values: new Uint8Array(20_000) }] };
const W = weightVector(circuit, weights);

/** The circuit with the root of another vector. */
function committedTo(vector: readonly number[]): Circuit {
  return { ...circuit, weightRoot: commitVector(vector.map(fromInteger)).root };
}

/** The circuit with one sum of squares changed by `delta`. */
function withSquare(of: Circuit, delta: number, wanted: number): Circuit {
  let next = 0;
  const layers = of.layers.map((layer) =>
    layer.kind === 'maximum'
      ? layer
      : {
          ...layer,
          terms: layer.terms.map((term) => {
            if (term.kind !== 'convolution' || term.weights.kind === 'public') return term;
            const squares = term.weights.squares.map((square) => (next++ === wanted ? square + delta : square));
            return { ...term, weights: { kind: 'committed' as const, squares } };
          }),
        },
  );
  return { ...of, layers };
}

function register(of: Circuit, vector: readonly number[], options: Pick<PlainOptions, 'alter'> = {}): Uint8Array {
  return plainRegister(of, vector, { grind, ...options }).proof;
}

function expectAccepted(of: Circuit, proof: Uint8Array): void {
  for (const { name, verify } of registrationVerifiers) expect(verify(of, proof), name).toEqual({ ok: true });
}

function expectRefused(of: Circuit, proof: unknown, what = ''): void {
  // the circuit itself is not what is wrong
  const refusal = { ok: false, check: expect.not.stringMatching(/^(circuit)?$/), detail: expect.any(String) };
  for (const { name, verify } of registrationVerifiers) expect(verify(of, proof as Uint8Array), `${name} ${what}`).toEqual(refusal);
}

/** Index in W of the first weight, a valid entry, with that value. */
const first = W.indexOf(fromInteger(weights[0]![0]!));
const integers = (words: readonly number[]): number[] => words.map((word) => (word > 2 ** 30 ? word - P : word));
const signed = integers(W);
const squareOf = (value: number): number => value ** 2 - signed[first]! ** 2;

test('the registration proof of a circuit with committed weights is accepted', () => {
  expectAccepted(circuit, register(circuit, signed));
});

test('weights of -128 and 127 are accepted', () => {
  for (const value of [-128, 127]) {
    const vector = signed.with(first, value);
    const own = withSquare(committedTo(vector), squareOf(value), 0);
    expectAccepted(own, register(own, vector));
  }
});

test('a weight of 128 or -129, its square stated rightly, is refused', () => {
  for (const value of [128, -129]) {
    const vector = signed.with(first, value);
    const own = withSquare(committedTo(vector), squareOf(value), 0);
    expectRefused(own, register(own, vector), String(value));
  }
});

test('a weight other than the stated sum of squares has it is refused, and so is a sum that is too small or too big', () => {
  const vector = signed.with(first, signed[first]! + 1);
  expectRefused(committedTo(vector), register(committedTo(vector), vector));
  for (const [delta, channel] of [
    [1, 0],
    [-1, 3],
    [2, 5],
  ] as const) {
    const own = withSquare(circuit, delta, channel);
    expectRefused(own, register(own, signed), `square ${channel} by ${delta}`);
  }
});

test('sums of squares that are right together, but not one by one, are refused', () => {
  const own = withSquare(withSquare(circuit, 7, 0), -7, 1);
  expectRefused(own, register(own, signed));
});

test('a registration proof of other weights, or of a circuit with public weights, is refused', () => {
  const proof = register(circuit, signed);
  const vector = signed.with(first, -signed[first]!);
  expectRefused(committedTo(vector), proof);
  for (const { name, verify } of registrationVerifiers) expect(verify(denseNet().circuit, proof), name).toMatchObject({ ok: false });
});

test('junk beside the weights is accepted: it is no weight', () => {
  const padded = weightVector(circuit, weights, (index) => 1000 + index);
  const own = committedTo(padded);
  expect(own.weightRoot).not.toEqual(circuit.weightRoot);
  expectAccepted(own, register(own, integers(padded)));
});

test('a registration proof that is cut, longer, or has a bit flipped in any message is refused', () => {
  const { proof, messages } = plainRegister(circuit, signed, { grind });
  for (const wrong of [null, 'proof', new Uint8Array(), proof.subarray(1), proof.subarray(0, -1), Uint8Array.of(...proof, 0)]) {
    expectRefused(circuit, wrong);
  }
  const random = seededGenerator(3);
  for (const { label, offset, length } of messages) {
    if (length === 0) continue;
    const byte = offset + Math.floor(random() * length);
    expectRefused(circuit, proof.with(byte, proof[byte]! ^ (1 << Math.floor(random() * 8))), `${label}, byte ${byte}`);
  }
});

test('a prover that states a square value of its own, or no multiplicities, is refused', () => {
  for (const label of ['square value', 'square round', 'counts root', 'values']) {
    const alter: PlainOptions['alter'] = (given, n, data) => (given === label && n === 0 ? data.with(0, data[0]! ^ 1) : data);
    expectRefused(circuit, register(circuit, signed, { alter }), label);
  }
});
