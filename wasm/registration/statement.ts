/**
 * What a registration proof is about, for prover and verifier alike: where the leaves of weights and table rows lie, the sums of squares as a functional of the weights, and the claims that the
 * lookup tree ends in. Source: ../README.md, section 10.
 */
import type { Circuit } from '../../circuits/graph/circuit.ts';
import type { Claim } from '../claims/batching.ts';
import { slotAxes, type ProductForm, type SlotAxes } from '../claims/forms.ts';
import { dotIntegers, dotK, kArray, outer, placeIntegers, sumK, type KArray } from '../field/karray.ts';
import { add, baseFromInteger, mul, ONE, powers, scale, sub, ZERO, type K } from '../field/qm31.ts';
import type { LeafClaim } from '../lookup/tree.ts';
import { LOOKUP_GRINDING_BITS, LOOKUP_GRINDING_LEAVES, PARAMETER_SET, VERSION } from '../parameters.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { layoutOf, vectorVariables, type Layout, type Slot } from '../statement/layout.ts';
import { Refused } from '../statement/refused.ts';

/** Rows of the table of weights: -128 .. 127. */
export const WEIGHT_ROWS = Int32Array.from({ length: 256 }, (_, row) => row - 128);

/** The weights of one convolution. */
export interface RegisteredWeights {
  /** In the vector W, and with the same offset in the leaves. */
  readonly slot: Slot;
  /** Rows, columns: taps of one output channel, planes of the slot. */
  readonly kernel: readonly [number, number];
  /** Sum of squares of each output channel. */
  readonly squares: readonly number[];
}

export interface RegistrationLayout {
  readonly layout: Layout;
  readonly root: Uint8Array;
  readonly convolutions: readonly RegisteredWeights[];
  /** Table rows in the leaves, behind all weights; and their multiplicities, a vector of their own. */
  readonly rows: Slot;
  readonly counts: Slot;
  readonly leafLength: number;
  /** Weights and table rows. */
  readonly validLeaves: number;
  /** Variables of W. */
  readonly variables: number;
}

/** Where the registration proof of a circuit finds everything. Throws `Refused` for a circuit with public weights. */
export function registrationLayout(circuit: Circuit): RegistrationLayout {
  const root = circuit.weightRoot;
  if (!root) throw new Refused('registration', 'the weights of this circuit are public: there is nothing to register');
  const layout = layoutOf(circuit);
  const vector = (offset: number): Slot => ({ offset, channels: WEIGHT_ROWS.length, height: 1, width: 1, rowBits: 0, columnBits: 0 });
  const convolutions = [...layout.convolutions]
    .sort((a, b) => a.index - b.index)
    .map(({ term, index }): RegisteredWeights => {
      if (term.weights.kind !== 'committed') throw new Refused('registration', `convolution ${index} has public weights beside a root`);
      return { slot: layout.weightSlots[index]!, kernel: term.kernel, squares: term.weights.squares };
    });
  return {
    layout,
    root,
    convolutions,
    // single entries stand behind all larger planes, and the table is listed last: weights keep their offsets
    rows: vector(layout.weightLength),
    counts: vector(0),
    leafLength: layout.weightLength + WEIGHT_ROWS.length,
    validLeaves: convolutions.reduce((n, { slot }) => n + slot.channels * slot.width, WEIGHT_ROWS.length),
    variables: vectorVariables(layout.weightLength),
  };
}

/** Step 1. */
export function absorbRegistration(
  transcript: { absorb(label: string, data: Uint8Array): void },
  { root, convolutions }: RegistrationLayout,
): void {
  transcript.absorb('version', Uint8Array.of(VERSION));
  transcript.absorb('parameters', Uint8Array.of(PARAMETER_SET));
  transcript.absorb('registration', Uint8Array.of(1));
  transcript.absorb('weights root', root);
  const sizes = convolutions.flatMap(({ slot, kernel, squares }) => [squares.length, ...kernel, slot.width]);
  const shapes = new DataView(new ArrayBuffer(4 * sizes.length));
  sizes.forEach((n, k) => {
    shapes.setUint32(4 * k, n, true);
  });
  transcript.absorb('shapes', new Uint8Array(shapes.buffer));
  const squares = convolutions.flatMap((c) => c.squares);
  const view = new DataView(new ArrayBuffer(8 * squares.length));
  squares.forEach((square, k) => {
    view.setBigUint64(8 * k, BigInt(square), true);
  });
  transcript.absorb('squares', new Uint8Array(view.buffer));
}

/** Step 2, after the root of the multiplicities: alpha. */
export function registrationAlpha(
  transcript: { grind(label: string, bits: number): void; challenge(label: string): K },
  { validLeaves }: RegistrationLayout,
): K {
  if (validLeaves > LOOKUP_GRINDING_LEAVES) transcript.grind('lookup nonce', LOOKUP_GRINDING_BITS);
  return transcript.challenge('alpha');
}

/** Powers of eta by convolution and output channel. */
export function squareFactors({ convolutions }: RegistrationLayout, eta: K): K[][] {
  const all = powers(
    eta,
    convolutions.reduce((n, c) => n + c.squares.length, 0),
  );
  let start = 0;
  return convolutions.map((c) => all.slice(start, (start += c.squares.length)));
}

/** sum of eta^c S_c, which sum of e W W must be. */
export function squareTotal({ convolutions }: RegistrationLayout, factors: readonly (readonly K[])[]): K {
  return convolutions.reduce(
    (sum, { squares }, k) => squares.reduce((own, square, c) => add(own, scale(baseFromInteger(square), factors[k]![c]!)), sum),
    ZERO,
  );
}

/** e~(sigma), e = eta^c on the valid positions of output channel c. */
export function squareFunctionalAt(
  kernels: Kernels,
  { convolutions }: RegistrationLayout,
  factors: readonly (readonly K[])[],
  sigma: readonly K[],
): K {
  return convolutions.reduce((sum, { slot, kernel }, k) => {
    const mark = kernels.arena.mark();
    const [u, v] = kernel.map((n) => kArray(kernels, new Array<K>(n).fill(ONE))) as [KArray, KArray];
    const { channel, column } = slotAxes(kernels, slot, sigma);
    const own = mul(dotK(kernels, outer(kernels, kArray(kernels, factors[k]!), u, v), channel), sumK(kernels, column));
    kernels.arena.release(mark);
    return add(sum, own);
  }, ZERO);
}

/** Step 4: what the leaves at a point say of W (its keys) and of the multiplicities. The prover's claims have no use for values: `leaves` may be the point alone. */
export function registrationClaims(
  kernels: Kernels,
  { convolutions, rows, counts }: RegistrationLayout,
  { point, numerator, denominator }: LeafClaim,
  alpha: K,
): { readonly keys: Claim; readonly multiplicities: Claim } {
  const form = (slot: Slot, axes: SlotAxes): ProductForm => ({ kind: 'product', slot, factor: ONE, ...axes });
  const ofWeights = convolutions.map(({ slot }) => slotAxes(kernels, slot, point));
  const ofRows = slotAxes(kernels, rows, point);
  // V and V_T; a plane has one row, so its row vector is (1)
  const valid = ofWeights.reduce((sum, { channel, column }) => add(sum, mul(sumK(kernels, channel), sumK(kernels, column))), ZERO);
  const inTable = sumK(kernels, ofRows.channel);
  const rowKeys = dotIntegers(kernels, ofRows.channel, placeIntegers(kernels, WEIGHT_ROWS));
  const total = sub(add(ONE, mul(sub(alpha, ONE), add(valid, inTable))), denominator);
  return {
    keys: { forms: ofWeights.map((axes, k) => form(convolutions[k]!.slot, axes)), value: sub(total, rowKeys) },
    multiplicities: { forms: [form(counts, ofRows)], value: sub(valid, numerator) },
  };
}
