/** What every verifier must accept. */
import { expect, test } from 'vitest';
import { size } from '../../circuits/graph/circuit.ts';
import { P } from '../../wasm/parameters.ts';
import { committedNet, featureNet, smallNets, wideNet } from '../support/circuits.ts';
import { commitVector } from '../support/plain-prover/commitment.ts';
import { plainWitness } from '../support/plain-prover/execution.ts';
import { weightVector } from '../support/plain-prover/prove.ts';
import { plainGrind } from '../support/plain-prover/writer.ts';
import { seededGenerator } from '../support/random.ts';
import { expectAccepted, grind, honestProof, proofOf, prove, shownWeights } from './proofs.ts';

for (const sample of smallNets()) {
  test(`an honest proof of the ${sample.name} is accepted`, () => {
    expectAccepted(sample.circuit, shownWeights(sample), honestProof(sample));
  });
}

test('an honest proof with openings of one level and of two, of vectors with different numbers of variables, is accepted', () => {
  const sample = wideNet();
  expectAccepted(sample.circuit, null, honestProof(sample));
});

test('proofs of the extreme inputs, all 0 and all 255, are accepted', () => {
  const { circuit, weights } = featureNet();
  for (const value of [0, 255]) {
    const inputs = circuit.inputs.map(({ shape }) => new Uint8Array(size(shape)).fill(value));
    expectAccepted(circuit, weights, proofOf({ circuit, weights, inputs }));
  }
});

test('junk in every entry of the witness that is no value is accepted, and the outputs stay the same', () => {
  const sample = featureNet();
  const honest = honestProof(sample);
  const random = seededGenerator(7);
  const witness = { ...plainWitness(sample.circuit, sample.weights, sample.inputs), padding: () => Math.floor(random() * P) };
  const junk = prove(sample.circuit, sample.weights, witness);
  expect(junk.statement).toEqual(honest.statement);
  expect(junk.proof).not.toEqual(honest.proof);
  expectAccepted(sample.circuit, sample.weights, junk);
});

test('junk in every entry of committed weights that is no weight is accepted', () => {
  const { circuit, weights, inputs } = committedNet();
  const weightPadding = (index: number): number => 1000 + index;
  const weightRoot = commitVector(weightVector(circuit, weights, weightPadding)).root;
  expect(weightRoot).not.toEqual(circuit.weightRoot);
  const other = { ...circuit, weightRoot };
  const junk = prove(other, weights, plainWitness(other, weights, inputs), { weightPadding });
  expectAccepted(other, null, junk);
});

test('the nonces that the kernels find are the smallest', () => {
  for (let n = 0; n < 4; n++) {
    const state = new Uint8Array(32).fill(n);
    expect(grind(state, 12)).toBe(plainGrind(state, 12));
  }
});
