/**
 * Everything between the lookup tree and the openings: from the two claims about the leaves to claims on the witness and the weights. Prover and verifier walk the same steps (README.md,
 * section 5, steps 6 to 9) and share all functionals.
 */
import { add, bits, equal, neg, sub, ZERO, type K } from '../field/qm31.ts';
import {
  inputFunctional,
  weightForms,
  weightValue,
  type ConvolutionClaim,
  type OperandRows,
  type WeightRows,
} from '../linear/convolution.ts';
import { checkLinear, linearTables, proveLinear, verifyLinear } from '../linear/sumcheck.ts';
import { keysValue, leafClaims, outputClaim, outputVariables, type LookupChallenges, type OutputClaim } from '../lookup/claims.ts';
import { tensorShape, vectorVariables } from '../statement/layout.ts';
import { Refused } from '../statement/refused.ts';
import type { ProverTranscript, VerifierTranscript } from '../transcript/transcript.ts';
import { eqArray } from '../field/karray.ts';
import type { Batch, Claim } from './batching.ts';
import type { Scene } from './forms.ts';

/** The claims on the leaf layer that the tree ends in. */
export interface LeafEnd {
  readonly point: readonly K[];
  readonly numerator: K;
  readonly denominator: K;
}

function drawOutputClaims(scene: Scene, transcript: ProverTranscript | VerifierTranscript): OutputClaim[] {
  const { circuit } = scene.layout;
  return circuit.outputs
    .filter((tensor) => circuit.layers[tensor - circuit.inputs.length]!.kind === 'accumulate')
    .map((tensor) => {
      const zo = transcript.challenges('output point', outputVariables(scene, tensor));
      const [channels, height, width] = tensorShape(scene.layout, tensor);
      const column = bits(width);
      const row = column + bits(height);
      return outputClaim(scene, tensor, {
        channel: eqArray(scene.kernels, zo.slice(row), 0, channels),
        row: eqArray(scene.kernels, zo.slice(column, row), 0, height),
        column: eqArray(scene.kernels, zo.slice(0, column), 0, width),
      });
    });
}

const total = (values: readonly K[]): K => values.reduce(add, ZERO);

/** Claims 0 and 1 and those of the outputs, given the convolutions' sums. */
function witnessClaims(
  scene: Scene,
  end: LeafEnd,
  challenges: LookupChallenges,
  sums: readonly K[],
  leaf: ReturnType<typeof leafClaims>,
  outputs: readonly OutputClaim[],
): Claim[] {
  const inner = leaf.convolutions.length;
  const claims: Claim[] = [
    { forms: leaf.numerators.forms, value: sub(leaf.valid, end.numerator) },
    { forms: leaf.keys.forms, value: keysValue(leaf, challenges.alpha, end.denominator, total(sums.slice(0, inner))) },
  ];
  let start = inner;
  for (const { combination, convolutions } of outputs) {
    const own = total(sums.slice(start, (start += convolutions.length)));
    const value = neg(add(combination.constant, own));
    if (combination.forms.length) claims.push({ forms: combination.forms, value });
    else if (!equal(value, ZERO)) throw new Refused('output', 'an int32 output is not the accumulator of its layer');
  }
  return claims;
}

function batchesOf(scene: Scene, onWitness: readonly Claim[], onWeights: readonly Claim[]): Batch[] {
  const { layout } = scene;
  const batches: Batch[] = [{ variables: vectorVariables(layout.witnessLength), claims: onWitness }];
  if (layout.circuit.weightRoot) batches.push({ variables: vectorVariables(layout.weightLength), claims: onWeights });
  return batches;
}

/** Whose values the prover needs beyond the functionals: weights and operands, by the order of the circuit's convolutions. */
export interface ProverTensors {
  readonly weights: readonly WeightRows[];
  readonly operands: readonly OperandRows[];
}

/** The prover's half: sends terms, the linear sumcheck and the inputs; returns the batches to be opened. `end` needs only the point. */
export function proveReduction(
  scene: Scene,
  transcript: ProverTranscript,
  point: readonly K[],
  challenges: LookupChallenges,
  tensors: ProverTensors,
): Batch[] {
  const { kernels, layout } = scene;
  const leaf = leafClaims(scene, point, challenges);
  const outputs = drawOutputClaims(scene, transcript);
  const convolutions: ConvolutionClaim[] = [...leaf.convolutions, ...outputs.flatMap((o) => o.convolutions)];
  const byClaim = <T>(values: readonly T[]): T[] => convolutions.map((c) => values[c.site.index]!);
  const mark = kernels.arena.mark();
  const tables = linearTables(kernels, convolutions, byClaim(tensors.weights), byClaim(tensors.operands));
  transcript.sendElements('terms', tables.sums);
  // the prover's claims need no values: they are what the vectors give
  const onWitness: Claim[] = [leaf.numerators, leaf.keys, ...outputs.map((o) => o.combination).filter((c) => c.forms.length)].map(
    ({ forms }) => ({ forms, value: ZERO }),
  );
  if (!convolutions.length) return batchesOf(scene, onWitness, []);
  const end = proveLinear(kernels, transcript, tables);
  kernels.arena.release(mark);
  const functionals = convolutions.map((c, k) => inputFunctional(scene, c, end.points[k]!));
  transcript.sendElements(
    'inputs',
    end.inputs.filter((_, k) => functionals[k]!.forms.length),
  );
  onWitness.push(...functionals.filter((f) => f.forms.length).map(({ forms }) => ({ forms, value: ZERO })));
  if (!layout.circuit.weightRoot) return batchesOf(scene, onWitness, []);
  transcript.sendElements('weights', end.weights);
  const onWeights = convolutions.map((c, k) => ({
    forms: weightForms(kernels, c, layout.weightSlots[c.site.index]!, end.points[k]!),
    value: ZERO,
  }));
  return batchesOf(scene, onWitness, onWeights);
}

/** The verifier's half. `weights` by the order of the circuit's convolutions; not read where they are committed. Throws `Refused`. */
export function verifyReduction(
  scene: Scene,
  transcript: VerifierTranscript,
  end: LeafEnd,
  challenges: LookupChallenges,
  weights: readonly WeightRows[],
): Batch[] {
  const { kernels, layout } = scene;
  const leaf = leafClaims(scene, end.point, challenges);
  const outputs = drawOutputClaims(scene, transcript);
  const convolutions: ConvolutionClaim[] = [...leaf.convolutions, ...outputs.flatMap((o) => o.convolutions)];
  const sums = transcript.receiveElements('terms', convolutions.length);
  const onWitness = witnessClaims(scene, end, challenges, sums, leaf, outputs);
  if (!convolutions.length) return batchesOf(scene, onWitness, []);
  const reduction = verifyLinear(transcript, convolutions, sums);
  const functionals = convolutions.map((c, k) => inputFunctional(scene, c, reduction.points[k]!));
  const received = transcript.receiveElements('inputs', functionals.filter((f) => f.forms.length).length);
  let next = 0;
  const inputs = functionals.map((functional) => {
    if (!functional.forms.length) return functional.constant;
    const value = received[next++]!;
    onWitness.push({ forms: functional.forms, value: sub(value, functional.constant) });
    return value;
  });
  const onWeights: Claim[] = [];
  let weightValues: K[];
  if (layout.circuit.weightRoot) {
    weightValues = transcript.receiveElements('weights', convolutions.length);
    convolutions.forEach((c, k) => {
      onWeights.push({ forms: weightForms(kernels, c, layout.weightSlots[c.site.index]!, reduction.points[k]!), value: weightValues[k]! });
    });
  } else {
    weightValues = convolutions.map((c, k) => {
      const mark = kernels.arena.mark();
      const value = weightValue(kernels, c, weights[c.site.index]!, reduction.points[k]!);
      kernels.arena.release(mark);
      return value;
    });
  }
  checkLinear(reduction, weightValues, inputs);
  return batchesOf(scene, onWitness, onWeights);
}
