/** What every verifier must accept. */
import { expect, test } from 'vitest';
import { size } from '../../../circuits/graph/circuit.ts';
import { P } from '../../../wasm/parameters.ts';
import { committedNet, featureNet, smallNets, wideNet } from '../../support/circuits.ts';
import { commitVector } from '../../support/plain-prover/commitment.ts';
import { plainWitness } from '../../support/plain-prover/execution.ts';
import { plainProve, weightVector } from '../../support/plain-prover/prove.ts';
import { seededGenerator } from '../../support/random.ts';
import { CONTEXT, expectAccepted, honestProof, proofOf, shownWeights, type TestedVerifier } from './tested-verifier.ts';

export function acceptsHonestProofs(verifiers: readonly TestedVerifier[]): void {
  for (const sample of smallNets()) {
    test(`an honest proof of the ${sample.name} is accepted`, () =>
      expectAccepted(verifiers, sample.circuit, shownWeights(sample), honestProof(sample)));
  }

  test('an honest proof with openings of one level and of two, of vectors with different numbers of variables, is accepted', async () => {
    const sample = wideNet();
    await expectAccepted(verifiers, sample.circuit, null, honestProof(sample));
  });

  test('proofs of the extreme inputs, all 0 and all 255, are accepted', async () => {
    const { circuit, weights } = featureNet();
    for (const value of [0, 255]) {
      const inputs = circuit.inputs.map(({ shape }) => new Uint8Array(size(shape)).fill(value));
      await expectAccepted(verifiers, circuit, weights, proofOf({ circuit, weights, inputs }, CONTEXT));
    }
  });

  test('junk in every entry of the witness that is no value is accepted, and the outputs stay the same', async () => {
    const sample = featureNet();
    const honest = honestProof(sample);
    const random = seededGenerator(7);
    const witness = { ...plainWitness(sample.circuit, sample.weights, sample.inputs), padding: () => Math.floor(random() * P) };
    const junk = plainProve(sample.circuit, sample.weights, witness, CONTEXT);
    expect(junk.statement).toEqual(honest.statement);
    expect(junk.proof).not.toEqual(honest.proof);
    await expectAccepted(verifiers, sample.circuit, sample.weights, junk);
  });

  test('junk in every entry of committed weights that is no weight is accepted', async () => {
    const { circuit, weights, inputs } = committedNet();
    const weightPadding = (index: number): number => 1000 + index;
    const weightRoot = commitVector(weightVector(circuit, weights, weightPadding)).root;
    expect(weightRoot).not.toEqual(circuit.weightRoot);
    const other = { ...circuit, weightRoot };
    const junk = plainProve(other, weights, plainWitness(other, weights, inputs), CONTEXT, { weightPadding });
    await expectAccepted(verifiers, other, null, junk);
  });
}
