/** From the leaves and the outputs to claims on the committed vectors (README section 5, steps 6 to 8; sections 6 and 7). */
import type { Accumulate, Weights } from '../../circuits/graph/circuit.ts';
import { dot, isEqual, isZero, multiply, negate, subtract, sum, type K } from './field.ts';
import {
  addConstant,
  claimOf,
  contract,
  coversCommitted,
  emptyFunctional,
  type Axes,
  type Claim,
  type Functional,
  type Known,
} from './functional.ts';
import { weightLayout } from './layout.ts';
import {
  addDirectTerms,
  addInput,
  convolutionClaims,
  verifyLinearSumcheck,
  weightForm,
  weightsAt,
  type ConvolutionClaim,
} from './linear.ts';
import { addBias, leafFunctionals, leafTotals, type LeafClaims, type LookupChallenges } from './lookup.ts';
import { bits, eqTable } from './multilinear.ts';
import { refuseUnless } from './refused.ts';
import type { ProofReader, Transcript } from './transcript.ts';

/** An int32 output at a random point: `sum E[c] row[i] column[j] (acc[c, i, j] - out[c, i, j]) = 0`, up to its convolutions. */
export interface OutputEquation {
  readonly tensor: number;
  readonly functional: Functional;
  readonly convolutions: readonly ConvolutionClaim[];
  /** Whether a direct term reads a committed tensor: then it is a claim, else an equation of known numbers. */
  readonly isClaim: boolean;
}

export function outputEquations(transcript: Transcript, known: Known): OutputEquation[] {
  const { circuit, values } = known;
  return circuit.outputs.flatMap((tensor) => {
    const layerIndex = tensor - circuit.inputs.length;
    const layer = circuit.layers[layerIndex];
    if (layer?.kind !== 'accumulate') return [];
    const axes = outputAxes(transcript, layer);
    const functional = emptyFunctional();
    addDirectTerms(functional, known, layer, axes);
    addBias(functional, layer, axes);
    addConstant(functional, negate(contract(axes, values.get(tensor)!)));
    const isClaim = layer.terms.some((term) => term.kind !== 'convolution' && coversCommitted(known, term.operand));
    return [{ tensor, functional, convolutions: convolutionClaims(circuit, layerIndex, layer, axes), isClaim }];
  });
}

/** eq at a random point of the output's index bits: columns lowest, then rows, then channels. */
function outputAxes(transcript: Transcript, layer: Accumulate): Axes {
  const [channels, height, width] = layer.shape;
  const column = transcript.challenges('output point', bits(width));
  const row = transcript.challenges('output point', bits(height));
  const channel = transcript.challenges('output point', bits(channels));
  return { channel: eqTable(channel, 0, channels), row: eqTable(row, 0, height), column: eqTable(column, 0, width) };
}

/** Everything up to the batching: the claims on w, and those on W where weights are committed. */
export function reduceToClaims(
  reader: ProofReader,
  known: Known,
  weights: Weights | null,
  leaves: LeafClaims,
  challenges: LookupChallenges,
): { onWitness: Claim[]; onWeights: Claim[] } {
  const { circuit } = known;
  const found = leafFunctionals(known, leaves.point, challenges);
  const outputs = outputEquations(reader, known);
  const all = [...found.convolutions, ...outputs.flatMap((output) => output.convolutions)];
  const terms = reader.receive('terms', all.length);

  const totals = leafTotals(leaves, found, challenges.alpha);
  const ofRequantize = terms.slice(0, found.convolutions.length);
  const onWitness = [claimOf(found.multiplicities, totals.numerators), claimOf(found.keys, subtract(totals.keys, sum(ofRequantize)))];
  let next = ofRequantize.length;
  for (const output of outputs) {
    const own = terms.slice(next, (next += output.convolutions.length));
    const claim = claimOf(output.functional, negate(sum(own)));
    if (output.isClaim) onWitness.push(claim);
    else refuseUnless(isZero(claim.value), 'output equation', `output tensor ${output.tensor} is not the accumulator`);
  }
  if (all.length === 0) return { onWitness, onWeights: [] };

  const { factors, points, total } = verifyLinearSumcheck(reader, all, terms);
  const inputs = all.map((claim, k) => {
    const functional = emptyFunctional();
    addInput(functional, known, claim, points[k]!);
    return functional;
  });
  const isSent = all.map(({ term }) => coversCommitted(known, term.operand));
  const received = reader.receive('inputs', isSent.filter(Boolean).length);
  const inputValues = inputs.map((functional, k) => {
    if (!isSent[k]) return functional.constant;
    const value = received.shift()!;
    onWitness.push(claimOf(functional, value));
    return value;
  });
  const { weightValues, onWeights } = weightsOf(reader, known, weights, all, points);
  const products = all.map((_, k) => multiply(weightValues[k]!, inputValues[k]!));
  refuseUnless(
    isEqual(dot(factors, products), total),
    'linear sumcheck',
    `the weights and inputs of ${circuit.layers.length} layers do not give the terms`,
  );
  return { onWitness, onWeights };
}

/** Wf_k(sigma_k): from public weights, or received and claimed of the committed ones. */
function weightsOf(
  reader: ProofReader,
  { circuit }: Known,
  weights: Weights | null,
  all: readonly ConvolutionClaim[],
  points: readonly K[][],
): { weightValues: K[]; onWeights: Claim[] } {
  if (circuit.weightRoot === null) {
    return { weightValues: all.map((claim, k) => weightsAt(claim, weights![claim.site]!, points[k]!)), onWeights: [] };
  }
  const { slots } = weightLayout(circuit);
  const weightValues = reader.receive('weights', all.length);
  const onWeights = all.map((claim, k) => ({ forms: [weightForm(claim, slots[claim.site]!, points[k]!)], value: weightValues[k]! }));
  return { weightValues, onWeights };
}
