/**
 * The registration proof of committed weights (README section 10): every weight lies in -128 .. 127, and the sums of squares that the
 * circuit states are those of the committed weights.
 */
import { convolutions, type Circuit } from '../../circuits/graph/circuit.ts';
import { LOOKUP_GRINDING_BITS, LOOKUP_GRINDING_LEAVES, MAX_PROOF_BYTES, PARAMETER_SET, VERSION } from '../parameters.ts';
import { verifyBatches, vectorVariables } from './batching.ts';
import { acceptedCircuit } from './circuit-check.ts';
import { add, integerDot, isEqual, multiply, ONE, powers, subtract, sum, times, ZERO, type K } from './field.ts';
import { formAt, mass, type Claim, type Form } from './functional.ts';
import { eqAxes, placeSlots, weightLayout, type Slot } from './layout.ts';
import { leafTotals, treeHeight, verifyTree, type LeafClaims } from './lookup.ts';
import { verifyOpening } from './opening.ts';
import { attempt, refuseUnless, type Refusal } from './refused.ts';
import { ProofReader, type Transcript } from './transcript.ts';

/** The rows of the table of weights: -128 .. 127. */
export const WEIGHT_ROWS: readonly number[] = Array.from({ length: 256 }, (_, n) => n - 128);

export interface RegistrationLayout {
  readonly root: Uint8Array;
  /** Of W: one slot per convolution. */
  readonly slots: readonly Slot[];
  readonly length: number;
  /** Per convolution: output channels, kernel rows, kernel columns, input channels of a group. */
  readonly shapes: readonly (readonly [number, number, number, number])[];
  /** Per convolution: planes (taps) of one output channel, and the sums of squares of its channels. */
  readonly taps: readonly number[];
  readonly squares: readonly (readonly number[])[];
  readonly leaves: { readonly weights: readonly Slot[]; readonly rows: Slot; readonly length: number };
  /** The vector of multiplicities, of 256 entries. */
  readonly counts: Slot;
}

/** The layout of a circuit's registration proof. Refuses a circuit with public weights. */
export function registrationLayout(circuit: Circuit): RegistrationLayout {
  const root = circuit.weightRoot;
  refuseUnless(root !== null, 'registration', 'the weights of this circuit are public: there is nothing to register');
  const sites = convolutions(circuit);
  refuseUnless(sites.length > 0, 'circuit', 'committed weights without a convolution');
  const { slots, length } = weightLayout(circuit);
  const placed = placeSlots([...slots.map(({ shape }) => shape), [256, 1, 1]]);
  const rows = placed.slots.pop()!;
  return {
    root,
    slots,
    length,
    shapes: sites.map(({ term, layer }) => [layer.shape[0], ...term.kernel, term.operand.shape[0] / term.groups]),
    taps: sites.map(({ term }) => term.kernel[0] * term.kernel[1]),
    squares: sites.map(({ term, layer }) => {
      refuseUnless(term.weights.kind === 'committed', 'circuit', `layer ${layer.name} has public weights beside a root`);
      return term.weights.squares;
    }),
    leaves: { weights: placed.slots, rows, length: placed.length },
    counts: placeSlots([[256, 1, 1]]).slots[0]!,
  };
}

/** Weights and table rows. */
function validLeaves({ shapes }: RegistrationLayout): number {
  return shapes.reduce((total, shape) => total + shape.reduce((product, n) => product * n, 1), WEIGHT_ROWS.length);
}

export function absorbRegistration(transcript: Transcript, { root, shapes, squares }: RegistrationLayout): void {
  transcript.absorb('version', Uint8Array.of(VERSION));
  transcript.absorb('parameters', Uint8Array.of(PARAMETER_SET));
  transcript.absorb('registration', Uint8Array.of(1));
  transcript.absorb('weights root', root);
  const sizes = shapes.flat();
  const shapeBytes = new DataView(new ArrayBuffer(4 * sizes.length));
  sizes.forEach((n, i) => shapeBytes.setUint32(4 * i, n, true));
  transcript.absorb('shapes', new Uint8Array(shapeBytes.buffer));
  const all = squares.flat();
  const view = new DataView(new ArrayBuffer(8 * all.length));
  all.forEach((square, n) => view.setBigUint64(8 * n, BigInt(square), true));
  transcript.absorb('squares', new Uint8Array(view.buffer));
}

/** alpha; very many weights must work a little for it. `grind`: receive (verifier) or find (prover) a nonce. */
export function drawAlpha(transcript: Transcript, layout: RegistrationLayout, grind: (label: string, zeroBits: number) => void): K {
  if (validLeaves(layout) > LOOKUP_GRINDING_LEAVES) grind('lookup nonce', LOOKUP_GRINDING_BITS);
  return transcript.challenge('alpha');
}

/** e = eta^c on the valid positions of output channel c (counted over all convolutions), and what sum e W^2 must be. */
export function squareFunctional({ slots, taps, squares }: RegistrationLayout, eta: K): { forms: Form[]; total: K } {
  const factors = powers(
    eta,
    squares.reduce((n, { length }) => n + length, 0),
  );
  let next = 0;
  let total = ZERO;
  const forms = slots.map((slot, k): Form => {
    const own = factors.slice(next, (next += squares[k]!.length));
    total = add(total, sum(own.map((factor, c) => times(squares[k]![c]!, factor))));
    const channel = own.flatMap((factor) => new Array<K>(taps[k]!).fill(factor));
    return { kind: 'product', slot, axes: { channel, row: [ONE], column: new Array<K>(slot.shape[2]).fill(ONE) } };
  });
  return { forms, total };
}

/** What the leaves at a point say of W (its keys) and of the multiplicities. */
export function registrationLeafClaims(
  { slots, leaves, counts }: RegistrationLayout,
  at: LeafClaims,
  alpha: K,
): { keys: Claim; multiplicities: Claim } {
  const ofWeights = leaves.weights.map((slot) => eqAxes(slot, at.point));
  const ofRows = eqAxes(leaves.rows, at.point);
  const totals = leafTotals(at, { lookups: sum(ofWeights.map(mass)), rows: mass(ofRows) }, alpha);
  const rowKeys = integerDot(WEIGHT_ROWS, 0, ofRows.channel);
  return {
    keys: { forms: ofWeights.map((axes, k) => ({ kind: 'product', slot: slots[k]!, axes })), value: subtract(totals.keys, rowKeys) },
    multiplicities: { forms: [{ kind: 'product', slot: counts, axes: ofRows }], value: totals.numerators },
  };
}

/** Value at r of a cubic round: constant a, quadratic c, cubic d, h(0) + h(1) = claim. */
function cubicRound(claim: K, [a, c, d]: readonly K[], r: K): K {
  const b = subtract(subtract(subtract(claim, add(a!, a!)), c!), d!);
  return add(a!, multiply(r, add(b, multiply(r, add(c!, multiply(r, d!))))));
}

/** Verifies the registration proof of a circuit with committed weights. Never throws on hostile bytes. */
export function verifyRegistrationReference(circuit: Circuit, proof: Uint8Array): { readonly ok: true } | Refusal {
  const result = attempt(() => {
    checkRegistration(acceptedCircuit(circuit, null), proof);
  });
  return result.ok ? { ok: true } : result;
}

/** Refuses unless the proof holds for a circuit that has been checked. */
export function checkRegistration(circuit: Circuit, proof: Uint8Array): void {
  refuseUnless(proof instanceof Uint8Array, 'proof length', 'the proof is not a Uint8Array');
  refuseUnless(proof.length <= MAX_PROOF_BYTES, 'proof length', `${proof.length} bytes, at most ${MAX_PROOF_BYTES}`);
  const layout = registrationLayout(circuit);
  const reader = new ProofReader(proof);
  absorbRegistration(reader, layout);
  const countsRoot = reader.receiveDigests('counts root', 1)[0]!;
  const alpha = drawAlpha(reader, layout, (label, zeroBits) => reader.grind(label, zeroBits));
  const leaves = verifyTree(reader, treeHeight(layout.leaves.length));

  const { forms, total } = squareFunctional(layout, reader.challenge('eta'));
  let claim = total;
  const sigma: K[] = [];
  for (let t = 0; t < vectorVariables(layout.length); t++) {
    const coefficients = reader.receive('square round', 3);
    const r = reader.challenge('square point');
    sigma.push(r);
    claim = cubicRound(claim, coefficients, r);
  }
  const value = reader.receive('square value', 1)[0]!;
  const e = sum(forms.map((form) => formAt(form, sigma)));
  refuseUnless(
    isEqual(multiply(e, multiply(value, value)), claim),
    'squares',
    'the sums of squares are not those of the committed weights',
  );

  const { keys, multiplicities } = registrationLeafClaims(layout, leaves, alpha);
  const openings = verifyBatches(reader, [
    { root: layout.root, length: layout.length, claims: [keys, { forms: [{ kind: 'point', point: sigma }], value }] },
    { root: countsRoot, length: 256, claims: [multiplicities] },
  ]);
  for (const opening of openings) verifyOpening(reader, opening);
  reader.end();
}
