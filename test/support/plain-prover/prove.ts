/**
 * The plain prover: the proof that the fast prover must produce, byte for byte, from a witness given as data. Slow, obvious, and happy to
 * prove what is wrong.
 */
import { readView } from '../../../circuits/execute/execute.ts';
import { convolutions, type Circuit, type Weights } from '../../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../../circuits/graph/encoding.ts';
import { batchFactors, vectorVariables } from '../../../wasm/reference/batching.ts';
import { outputEquations } from '../../../wasm/reference/claims.ts';
import { add, dot, fromInteger, integerDot, multiply, ONE, powers, sum, times, ZERO, type K } from '../../../wasm/reference/field.ts';
import { addInput, weightForm, type ConvolutionClaim } from '../../../wasm/reference/linear.ts';
import { coversCommitted, emptyFunctional, type Form, type Known } from '../../../wasm/reference/functional.ts';
import { deriveLayout, indexIn, weightLayout } from '../../../wasm/reference/layout.ts';
import { leafFunctionals, treeHeight } from '../../../wasm/reference/lookup.ts';
import { bits, eqTable } from '../../../wasm/reference/multilinear.ts';
import { absorbStatement, type ReferenceStatement } from '../../../wasm/reference/statement.ts';
import { drawLookupChallenges } from '../../../wasm/reference/verify.ts';
import { commitVector, open, type Commitment } from './commitment.ts';
import type { Witness } from './execution.ts';
import { countLookups, leafFractions, lookupsOf, padded, validIndices, witnessVector, type Lookup } from './leaves.ts';
import { proveProducts, proveTree, type Product } from './sumcheck.ts';
import { ProofWriter, type Alter, type Grind, type Message, type TranscriptEvent } from './writer.ts';

export interface PlainProof {
  /** The statement that the proof is about. */
  readonly statement: ReferenceStatement;
  readonly proof: Uint8Array;
  readonly messages: readonly Message[];
  readonly events: readonly TranscriptEvent[];
}

export interface PlainOptions {
  readonly grind?: Grind;
  /** Changes messages as they are sent. */
  readonly alter?: Alter;
  /** The statement to be absorbed, if it is not what the witness says. */
  readonly statement?: ReferenceStatement;
  /** Changes the lookups before they are counted and proven. */
  readonly lookups?: (honest: Lookup[]) => Lookup[];
  /** Value of the entries of committed weights that are no weight, by index; 0 if not given. */
  readonly weightPadding?: (index: number) => number;
}

/** What a witness says about the public tensors. */
export function statementOf(circuit: Circuit, witness: Witness, context: Uint8Array): ReferenceStatement {
  return {
    inputs: circuit.inputs.map((_, n) => Uint8Array.from(witness.tensors[n]!)),
    outputs: circuit.outputs.map((tensor) => {
      const layer = circuit.layers[tensor - circuit.inputs.length];
      const values = witness.tensors[tensor]!;
      return layer?.kind === 'accumulate' ? Int32Array.from(values) : Uint8Array.from(values);
    }),
    context,
  };
}

/** The vector W of committed weights. */
export function weightVector(circuit: Circuit, weights: Weights, padding: (index: number) => number = () => 0): number[] {
  const { slots, length } = weightLayout(circuit);
  const W = Array.from({ length }, (_, index) => fromInteger(padding(index)));
  convolutions(circuit).forEach(({ term, layer }, k) => {
    const [rowTaps, columnTaps] = term.kernel;
    const taps = rowTaps * columnTaps;
    const inside = term.operand.shape[0] / term.groups;
    for (let c = 0; c < layer.shape[0]; c++) {
      for (let channel = 0; channel < inside; channel++) {
        for (let tap = 0; tap < taps; tap++) {
          W[indexIn(slots[k]!, c * taps + tap, 0, channel)] = fromInteger(weights[k]![(c * inside + channel) * taps + tap]!);
        }
      }
    }
  });
  return W;
}

/** Proves `witness` to be an execution of the circuit; with a dishonest witness, as well as that goes. */
export function plainProve(
  circuit: Circuit,
  weights: Weights,
  witness: Witness,
  context: Uint8Array,
  options: PlainOptions = {},
): PlainProof {
  const layout = deriveLayout(circuit);
  const statement = options.statement ?? statementOf(circuit, witness, context);
  const writer = new ProofWriter(options.grind, options.alter);
  absorbStatement(writer, circuit, circuitDigest(circuit), statement);

  const honest = lookupsOf(circuit, layout, witness);
  const lookups = options.lookups?.(honest) ?? honest;
  const counts = witness.multiplicities ?? countLookups(layout, lookups);
  const w = witnessVector(circuit, layout, witness, counts);
  const commitment = commitVector(w);
  writer.sendBytes('witness root', commitment.root);
  const challenges = drawLookupChallenges(writer, layout, (label, zeroBits) => writer.grind(label, zeroBits));
  const point = proveTree(writer, leafFractions(layout, lookups, counts, challenges), treeHeight(layout.leaves.length));

  const known: Known = { circuit, layout, values: new Map([...layout.publicTensors].map((tensor) => [tensor, witness.tensors[tensor]!])) };
  const leaves = leafFunctionals(known, point, challenges);
  const outputs = outputEquations(writer, known);
  const onWitness: (readonly Form[])[] = [leaves.multiplicities.forms, leaves.keys.forms];
  for (const { functional, isClaim } of outputs) if (isClaim) onWitness.push(functional.forms);

  const claims = [...leaves.convolutions, ...outputs.flatMap((output) => output.convolutions)];
  const onWeights = proveConvolutions(writer, known, weights, witness, claims, onWitness);

  const vectors: Committed[] = [{ vector: w, commitment, functionals: onWitness }];
  if (circuit.weightRoot !== null) {
    const W = weightVector(circuit, weights, options.weightPadding);
    vectors.push({ vector: W, commitment: commitVector(W), functionals: onWeights });
  }
  proveBatches(writer, vectors);
  return { statement, proof: writer.proof, messages: writer.messages, events: writer.events };
}

/** Sends the terms and the linear sumcheck; appends the inputs' forms to `onWitness` and returns those on committed weights. */
function proveConvolutions(
  writer: ProofWriter,
  known: Known,
  weights: Weights,
  witness: Witness,
  claims: readonly ConvolutionClaim[],
  onWitness: (readonly Form[])[],
): (readonly Form[])[] {
  const tables = claims.map((claim) => ({ f: weightTable(claim, weights[claim.site]!), g: inputTable(known, claim, witness) }));
  writer.send(
    'terms',
    tables.map(({ f, g }) => dot(f, g)),
  );
  if (claims.length === 0) return [];
  const factors = powers(writer.challenge('beta'), claims.length);
  const { point, ends } = proveProducts(
    writer,
    'linear',
    tables.map((table, k) => ({ ...table, factor: factors[k]! })),
  );
  const points = claims.map(({ variables }) => point.slice(point.length - variables));
  const sent: K[] = [];
  claims.forEach((claim, k) => {
    if (!coversCommitted(known, claim.term.operand)) return;
    const functional = emptyFunctional();
    addInput(functional, known, claim, points[k]!);
    onWitness.push(functional.forms);
    sent.push(ends[k]![1]);
  });
  writer.send('inputs', sent);
  if (known.circuit.weightRoot === null) return [];
  writer.send(
    'weights',
    ends.map(([weight]) => weight),
  );
  const { slots } = weightLayout(known.circuit);
  return claims.map((claim, k) => [weightForm(claim, slots[claim.site]!, points[k]!)]);
}

/** Index of (c_in, u, v): v lowest. */
function tapIndex({ term }: ConvolutionClaim, c: number, u: number, v: number): number {
  return (c * 2 ** bits(term.kernel[0]) + u) * 2 ** bits(term.kernel[1]) + v;
}

/** Wf(c_in, u, v) = sum over the c_out of the group of E[c_out] W[c_out, c_in, u, v]. */
function weightTable(claim: ConvolutionClaim, weights: Int8Array): K[] {
  const { term, outputShape, axes } = claim;
  const [rowTaps, columnTaps] = term.kernel;
  const inside = term.operand.shape[0] / term.groups;
  const outside = outputShape[0] / term.groups;
  const table = new Array<K>(2 ** claim.variables).fill(ZERO);
  let next = 0;
  for (let c = 0; c < outputShape[0]; c++) {
    for (let k = 0; k < inside; k++) {
      for (let u = 0; u < rowTaps; u++) {
        for (let v = 0; v < columnTaps; v++) {
          const index = tapIndex(claim, Math.floor(c / outside) * inside + k, u, v);
          table[index] = add(table[index]!, times(weights[next++]!, axes.channel[c]!));
        }
      }
    }
  }
  return table;
}

/** Xf(c_in, u, v) = sum over i, j of row[i] column[j] (x[c_in, i stride + u dilation - pad, ..] - z). */
function inputTable({ circuit }: Known, claim: ConvolutionClaim, witness: Witness): K[] {
  const { term, axes } = claim;
  const [channels, height, width] = term.operand.shape;
  const operand = readView(circuit, term.operand, witness.tensors, true);
  const table = new Array<K>(2 ** claim.variables).fill(ZERO);
  for (let c = 0; c < channels; c++) {
    for (let v = 0; v < term.kernel[1]; v++) {
      // columns first: one element of K per row of the operand
      const ofRow = Array.from({ length: height }, (_, y) => {
        const read = axes.column.map((_, j) => {
          const x = j * term.stride[1] + v * term.dilation[1] - term.pad[1];
          return x >= 0 && x < width ? operand[(c * height + y) * width + x]! : 0;
        });
        return integerDot(read, 0, axes.column);
      });
      for (let u = 0; u < term.kernel[0]; u++) {
        table[tapIndex(claim, c, u, v)] = sum(
          axes.row.map((g, i) => multiply(g, ofRow[i * term.stride[0] + u * term.dilation[0] - term.pad[0]] ?? ZERO)),
        );
      }
    }
  }
  return table;
}

/** A committed vector and, per claim on it, the claim's forms. */
export interface Committed {
  readonly vector: readonly number[];
  readonly commitment: Commitment;
  readonly functionals: readonly (readonly Form[])[];
}

/** Adds `factor` times a form to a dense functional. */
export function addForm(dense: K[], form: Form, factor: K): void {
  if (form.kind === 'point') {
    eqTable(form.point, 0, dense.length).forEach((e, i) => {
      dense[i] = add(dense[i]!, multiply(factor, e));
    });
    return;
  }
  const { channel, row, column } =
    form.kind === 'product' ? form.axes : { channel: [] as readonly K[], row: [] as readonly K[], column: [] as readonly K[] };
  const [, height, width] = form.slot.shape;
  validIndices(form.slot).forEach((index, n) => {
    const coefficient =
      form.kind === 'dense'
        ? form.coefficients[n]!
        : multiply(channel[Math.floor(n / (height * width))]!, multiply(row[Math.floor(n / width) % height]!, column[n % width]!));
    dense[index] = add(dense[index]!, multiply(factor, coefficient));
  });
}

/** The batching sumcheck and the openings. */
export function proveBatches(writer: ProofWriter, vectors: readonly Committed[]): void {
  const claims = vectors.map(({ functionals }) => ({ claims: functionals.map((forms) => ({ forms, value: ZERO })) }));
  const factors = batchFactors(writer.challenge('delta'), claims);
  const products = vectors.map(({ vector, functionals }, n): Product => {
    const variables = vectorVariables(vector.length);
    const functional = new Array<K>(2 ** variables).fill(ZERO);
    functionals.forEach((forms, k) => {
      for (const form of forms) addForm(functional, form, factors[n]![k]!);
    });
    return { f: padded(vector, variables), g: functional, factor: ONE };
  });
  const { point, ends } = proveProducts(writer, 'batching', products);
  writer.send(
    'values',
    ends.map(([value]) => value),
  );
  vectors.forEach(({ vector, commitment }) => open(writer, commitment, point.slice(point.length - vectorVariables(vector.length))));
}
